// A response's head as a client reads it: for the command line and for tests. Not a user agent: no
// redirects, no caching.

private import Bytes

/// How a response's body is delimited (RFC 9112 §6.3).
package enum ResponseFraming: Sendable, Equatable {
    /// As a request's: none, a length, or chunks.
    case message(BodyFraming)
    /// Up to the close of the connection.
    case untilClose
}

/// One response head (RFC 9112 §4, §5), found by ``HTTP1HeadScanner``.
package struct ResponseHead: Sendable {
    /// 100 to 599.
    package let status: Int
    package let version: HTTPVersion
    package let bodyFraming: ResponseFraming
    /// Whether the server leaves the connection open behind the body.
    package let keepAlive: Bool
    private let fields: HeadFields

    /// - Parameters:
    ///   - bytes: one whole head up to its empty line; copied.
    ///   - method: of the request answered, since a response to HEAD has no body.
    package init(
        _ bytes: Span<UInt8>, to method: HTTPMethod, limits: HTTP1Limits
    ) throws(HTTP1Error) {
        guard bytes.count <= limits.headBytesMax else {
            throw .headTooLarge(limit: limits.headBytesMax, measured: bytes.count)
        }
        let lineEnd = try endOfLine(in: bytes, from: 0)
        guard lineEnd >= 12, bytes[8] == .space else { throw .malformedStatusLine }
        version = try HTTPVersion(bytes.extracting(0..<8))
        status = try statusCode(bytes, lineEnd)
        var none = HeadFields()
        fields = try HeadFields(bytes, from: lineEnd + 2, limits: limits, reusing: &none)
        bodyFraming = try framing(fields, version, status, method)
        keepAlive = fields.keepsAlive(version) && bodyFraming != .untilClose
    }

    package var fieldCount: Int { fields.count }

    /// The value of the first line named `name` (case ignored), blanks trimmed; `nil` without one.
    package func first(_ name: StaticString) -> String? { fields.first(name) }

    /// The values of all lines named `name` (case ignored), in order, blanks trimmed.
    package func values(_ name: StaticString) -> [String] { fields.values(name) }

    /// Whether the comma lists in all lines named `name` have the element `token`, case ignored.
    package func listContains(_ name: StaticString, token: StaticString) -> Bool {
        fields.listContains(name, token: token)
    }
}

/// Three digits at offset 9, then the line's end or a space and a reason that nobody reads. The
/// space is due even before an empty reason; many servers leave it out (RFC 9112 §4).
private func statusCode(_ line: Span<UInt8>, _ lineEnd: Int) throws(HTTP1Error) -> Int {
    var status = 0
    for at in 9..<12 {
        guard line[at].isDigit else { throw .malformedStatusLine }
        status = status * 10 + Int(line[at] - 0x30)
    }
    guard (100...599).contains(status), lineEnd == 12 || line[12] == .space else {
        throw .malformedStatusLine
    }
    return status
}

private func framing(
    _ fields: HeadFields, _ version: HTTPVersion, _ status: Int, _ method: HTTPMethod
) throws(HTTP1Error) -> ResponseFraming {
    // To be read in any case: a response that contradicts itself is not to be believed.
    let announced = try fields.bodyFraming(version)
    if method == .head || status < 200 || status == 204 || status == 304 { return .message(.none) }
    return announced == .none ? .untilClose : .message(announced)
}
