// The rules of HTTP/1.1 that a peer can break, one case each. What is answered to a breach stands
// in HTTP1Error+Answer.swift.

/// The first rule that a message broke. After any of them the connection is closed: where the
/// next message would begin is no longer certain.
package enum HTTP1Error: Error, Equatable {
    // MARK: Lines

    /// A line feed without a carriage return before it. RFC 9112 §2.2 lets a recipient accept it;
    /// two recipients that differ there can be played off against one another.
    case bareLineFeed
    /// A carriage return without a line feed behind it. RFC 9112 §2.2.
    case bareCarriageReturn
    /// NUL or another control byte, a tab in a value excepted. RFC 9110 §5.5.
    case controlByte(UInt8)
    /// More empty lines before the request line than we skip. RFC 9112 §2.2.
    case tooManyEmptyLines(limit: Int, measured: Int)
    /// The head is larger than `headBytesMax`. RFC 6585 §5.
    case headTooLarge(limit: Int, measured: Int)
    /// The head's limit was passed within its first line. RFC 9112 §3, RFC 9110 §15.5.15.
    case requestLineTooLong(limit: Int, measured: Int)
    /// The bytes given are not one whole head, up to its empty line. RFC 9112 §2.1.
    case headIncomplete

    // MARK: Request line

    /// Not `method SP request-target SP HTTP-version`, single spaces. RFC 9112 §3.
    case malformedRequestLine
    /// The method is not a token. RFC 9110 §9.1.
    case malformedMethod
    /// CONNECT: this is no proxy. RFC 9110 §9.3.6.
    case connectUnsupported
    /// Not `HTTP/` digit `.` digit. RFC 9112 §2.3.
    case malformedVersion
    /// A major version other than 1. RFC 9110 §15.6.6.
    case versionUnsupported(major: UInt8, minor: UInt8)
    /// The target is longer than `targetBytesMax`. RFC 9110 §15.5.15.
    case targetTooLong(limit: Int, measured: Int)
    /// A byte in the target that is not a visible ASCII character. RFC 9112 §3.2.
    case targetByte(UInt8)
    /// A `#`: a fragment is never sent. RFC 9112 §3.2, RFC 9110 §4.2.5.
    case fragmentInTarget
    /// Neither a path from `/`, nor an `http` or `https` URI, nor `*`. RFC 9112 §3.2.
    case malformedTarget
    /// `*` with a method other than OPTIONS. RFC 9112 §3.2.4.
    case asteriskWithoutOptions
    /// The authority of a target in absolute form is empty, has user information, or is not
    /// `host[:port]`. RFC 9112 §3.2.2, RFC 9110 §4.2.4.
    case malformedAuthority
    /// A `%` without two hexadecimal digits behind it. RFC 3986 §2.1.
    case malformedPercentEncoding

    // MARK: Fields

    /// More field lines than `fieldCountMax`. RFC 6585 §5.
    case tooManyFields(limit: Int, measured: Int)
    /// A field's value continued on the next line. RFC 9112 §5.2.
    case obsoleteLineFolding
    /// White space between the start line and the first field. RFC 9112 §2.2.
    case whitespaceBeforeFields
    /// White space between a field's name and its colon. RFC 9112 §5.1.
    case spaceBeforeColon
    /// A field line that begins with its colon. RFC 9110 §5.1.
    case emptyFieldName
    /// A byte in a field's name that no token has. RFC 9110 §5.1, §5.6.2.
    case fieldNameByte(UInt8)
    /// A field line without a colon. RFC 9112 §5.
    case missingColon
    /// No Host in HTTP/1.1. RFC 9112 §3.2.
    case missingHost
    /// More than one Host. RFC 9112 §3.2.
    case repeatedHost
    /// A Host that is not `host[:port]`. RFC 9112 §3.2, RFC 9110 §7.2.
    case malformedHost
    /// An expectation other than `100-continue`. RFC 9110 §10.1.1.
    case expectationUnsupported

    // MARK: Framing

    /// Not one or more digits, or beyond 64 bits. RFC 9110 §8.6.
    case malformedContentLength
    /// More than one Content-Length, be they equal or not. RFC 9112 §6.3.
    case repeatedContentLength
    /// Transfer-Encoding in HTTP/1.0, which does not know it. RFC 9112 §6.1.
    case transferEncodingInHTTP10
    /// Transfer-Encoding and Content-Length in one message. RFC 9112 §6.1, §6.3.
    case transferEncodingWithContentLength
    /// More than one Transfer-Encoding line. RFC 9112 §6.1.
    case repeatedTransferEncoding
    /// Not a list of codings, or `chunked` not last, or twice. RFC 9112 §6.1, §6.3.
    case malformedTransferEncoding
    /// A transfer coding other than `chunked`. RFC 9112 §6.1.
    case transferCodingUnsupported

    // MARK: Body

    /// The body is, or says that it will be, larger than allowed. RFC 9110 §15.5.14.
    case bodyTooLarge(limit: Int, measured: UInt64)
    /// A chunk's size is not hexadecimal digits alone, up to `;` or CRLF. RFC 9112 §7.1.
    case malformedChunkSize
    /// A chunk's size with more than 16 digits. RFC 9112 §7.1.
    case chunkSizeOverflow
    /// A chunk's size and extensions are longer than `chunkLineBytesMax`. RFC 9112 §7.1.1.
    case chunkLineTooLong(limit: Int, measured: Int)
    /// A chunk's bytes are not followed by CRLF. RFC 9112 §7.1.
    case chunkUnterminated
    /// A trailer line that is not `name: value`. RFC 9112 §7.1.2.
    case malformedTrailer
    /// The trailer section is larger than `trailerBytesMax`. RFC 9112 §7.1.2.
    case trailersTooLarge(limit: Int, measured: Int)
    /// The peer closed before the body was complete. RFC 9112 §8.
    case bodyTruncated

    // MARK: Responses

    /// Not `HTTP-version SP 3DIGIT SP reason`, the status 100 to 599. RFC 9112 §4.
    case malformedStatusLine
}
