// What is answered to each broken rule: a status, and one sentence that helps whoever sent it.

extension HTTP1Error {
    /// The status code to answer with, 400 to 599.
    package var status: Int { Int(answer.rawValue) }

    /// The status to answer with. A response's faults read as 502: nobody is answered, but a
    /// client that reports them names the right side.
    package var answer: HTTPStatus {
        switch self {
        case .bareLineFeed, .bareCarriageReturn, .controlByte, .tooManyEmptyLines, .headIncomplete,
            .malformedRequestLine, .malformedMethod, .malformedVersion, .targetByte,
            .fragmentInTarget, .malformedTarget, .asteriskWithoutOptions, .malformedAuthority,
            .malformedPercentEncoding, .obsoleteLineFolding, .whitespaceBeforeFields,
            .spaceBeforeColon, .emptyFieldName, .fieldNameByte, .missingColon, .missingHost,
            .repeatedHost, .malformedHost, .malformedContentLength, .repeatedContentLength,
            .transferEncodingInHTTP10, .transferEncodingWithContentLength,
            .repeatedTransferEncoding, .malformedTransferEncoding, .malformedChunkSize,
            .chunkSizeOverflow, .chunkLineTooLong, .chunkUnterminated, .malformedTrailer,
            .bodyTruncated:
            .badRequest
        case .bodyTooLarge: .contentTooLarge
        case .requestLineTooLong, .targetTooLong: .uriTooLong
        case .expectationUnsupported: .expectationFailed
        case .headTooLarge, .tooManyFields, .trailersTooLarge: .requestHeaderFieldsTooLarge
        case .connectUnsupported, .transferCodingUnsupported: .notImplemented
        case .malformedStatusLine: .badGateway
        case .versionUnsupported: .httpVersionNotSupported
        }
    }

    /// The limit that was passed and what was measured, bytes or lines; `nil` for the rules that
    /// are not about a number.
    package var measure: (limit: UInt64, value: UInt64)? {
        switch self {
        case .tooManyEmptyLines(let limit, let measured), .headTooLarge(let limit, let measured),
            .requestLineTooLong(let limit, let measured), .targetTooLong(let limit, let measured),
            .tooManyFields(let limit, let measured), .chunkLineTooLong(let limit, let measured),
            .trailersTooLarge(let limit, let measured):
            (UInt64(clamping: limit), UInt64(clamping: measured))
        case .bodyTooLarge(let limit, let measured): (UInt64(clamping: limit), measured)
        case .bareLineFeed, .bareCarriageReturn, .controlByte, .headIncomplete,
            .malformedRequestLine, .malformedMethod, .connectUnsupported, .malformedVersion,
            .versionUnsupported, .targetByte, .fragmentInTarget, .malformedTarget,
            .asteriskWithoutOptions, .malformedAuthority, .malformedPercentEncoding,
            .obsoleteLineFolding, .whitespaceBeforeFields, .spaceBeforeColon, .emptyFieldName,
            .fieldNameByte, .missingColon, .missingHost, .repeatedHost, .malformedHost,
            .expectationUnsupported, .malformedContentLength, .repeatedContentLength,
            .transferEncodingInHTTP10, .transferEncodingWithContentLength,
            .repeatedTransferEncoding, .malformedTransferEncoding, .transferCodingUnsupported,
            .malformedChunkSize, .chunkSizeOverflow, .chunkUnterminated, .malformedTrailer,
            .bodyTruncated, .malformedStatusLine:
            nil
        }
    }

    /// One sentence for the peer's developer: the rule, and the limit with the measured value.
    package var detail: String {
        switch self {
        case .bareLineFeed: "A line must end with CRLF, not with LF alone."
        case .bareCarriageReturn: "A CR must be followed by LF."
        case .controlByte(let byte): "The control byte \(hex(byte)) is not allowed here."
        case .tooManyEmptyLines(let limit, let measured):
            "\(measured) empty lines before the request line; \(limit) are allowed."
        case .headTooLarge(let limit, let measured):
            "The head has \(measured) bytes or more; \(limit) are allowed."
        case .requestLineTooLong(let limit, let measured):
            "The request line has \(measured) bytes or more; a head may have \(limit)."
        case .headIncomplete: "The head does not end with an empty line."
        case .malformedRequestLine:
            "The request line must be method, target and version, with one space between them."
        case .malformedMethod: "The method is not a token."
        case .connectUnsupported: "CONNECT is not supported: this is not a proxy."
        case .malformedVersion: "The version must be HTTP/1.1 or HTTP/1.0."
        case .versionUnsupported(let major, let minor):
            "HTTP/\(major).\(minor) is not supported here; use HTTP/1.1."
        case .targetTooLong(let limit, let measured):
            "The request target has \(measured) bytes; \(limit) are allowed."
        case .targetByte(let byte): "The byte \(hex(byte)) in the target must be percent-encoded."
        case .fragmentInTarget: "A request target has no fragment."
        case .malformedTarget: "The request target must be a path from '/', or an http(s) URI."
        case .asteriskWithoutOptions: "The request target '*' is for OPTIONS only."
        case .malformedAuthority: "The authority in the request target must be host[:port]."
        case .malformedPercentEncoding: "A '%' must be followed by two hexadecimal digits."
        case .tooManyFields(let limit, let measured):
            "The head has \(measured) fields or more; \(limit) are allowed."
        case .obsoleteLineFolding: "A field must stand on one line."
        case .whitespaceBeforeFields: "White space before the first field is not allowed."
        case .spaceBeforeColon: "White space between a field's name and ':' is not allowed."
        case .emptyFieldName: "A field line has no name."
        case .fieldNameByte(let byte): "The byte \(hex(byte)) is not allowed in a field's name."
        case .missingColon: "A field line has no ':'."
        case .missingHost: "HTTP/1.1 requires a Host field."
        case .repeatedHost: "There must be one Host field only."
        case .malformedHost: "Host must be host[:port]."
        case .expectationUnsupported: "The only expectation known here is 100-continue."
        case .malformedContentLength: "Content-Length must be a decimal number."
        case .repeatedContentLength: "There must be one Content-Length only."
        case .transferEncodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding."
        case .transferEncodingWithContentLength:
            "Transfer-Encoding and Content-Length must not stand in one message."
        case .repeatedTransferEncoding: "There must be one Transfer-Encoding only."
        case .malformedTransferEncoding: "Transfer-Encoding must be chunked."
        case .transferCodingUnsupported: "The only transfer coding known here is chunked."
        case .bodyTooLarge(let limit, let measured):
            "The body has \(measured) bytes or more; \(limit) are allowed."
        case .malformedChunkSize: "A chunk's size must be hexadecimal digits."
        case .chunkSizeOverflow: "A chunk's size must have at most 16 digits."
        case .chunkLineTooLong(let limit, let measured):
            "A chunk's size line has \(measured) bytes or more; \(limit) are allowed."
        case .chunkUnterminated: "A chunk must be followed by CRLF."
        case .malformedTrailer: "A trailer must be name, ':' and value."
        case .trailersTooLarge(let limit, let measured):
            "The trailers have \(measured) bytes or more; \(limit) are allowed."
        case .bodyTruncated: "The connection was closed before the body was complete."
        case .malformedStatusLine: "The status line must be version, status code and reason."
        }
    }
}

private func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0x0" : "0x") + String(byte, radix: 16, uppercase: true)
}
