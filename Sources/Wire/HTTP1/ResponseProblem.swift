// Errors as `application/problem+json` (RFC 9457), head and body at once.

package import Bytes

/// What went wrong, for the peer's developer. The type is `about:blank`: the status says it all,
/// and the title is its reason phrase (RFC 9457 §4.2.1).
package struct Problem: Sendable, Equatable {
    package var status: HTTPStatus
    /// One sentence; any text, escaped when it is written.
    package var detail: String
    /// The limit that was passed, and the value measured, in the unit that `detail` names.
    package var limit: UInt64?
    package var value: UInt64?

    package init(
        _ status: HTTPStatus, detail: String, limit: UInt64? = nil, value: UInt64? = nil
    ) {
        self.status = status
        self.detail = detail
        self.limit = limit
        self.value = value
    }

    package init(_ error: HTTP1Error) {
        let measure = error.measure
        self.init(
            error.answer, detail: error.detail, limit: measure?.limit, value: measure?.value)
    }

    /// Appends the JSON object alone.
    package func appendJSON(to buffer: ByteBuffer) {
        buffer.append(#"{"type":"about:blank","title":""#)
        buffer.append(status.reason)
        buffer.append(#"","status":"#)
        buffer.append(decimal: UInt64(status.rawValue))
        buffer.append(#","detail":"#)
        let text = Array(detail.utf8)
        appendJSONString(text.span, to: buffer)
        if let limit {
            buffer.append(#","limit":"#)
            buffer.append(decimal: limit)
        }
        if let value {
            buffer.append(#","value":"#)
            buffer.append(decimal: value)
        }
        buffer.append(0x7D)
    }
}

extension ResponseWriter {
    /// Appends a whole response that tells of `problem`.
    ///
    /// - Parameters:
    ///   - fields: more of them, such as Retry-After or Allow.
    ///   - bodiless: leaves the body out, as the answer to HEAD; Content-Length stays what it
    ///     would be (RFC 9110 §9.3.2).
    package static func appendProblem(
        _ problem: Problem, fields: [(StaticString, FieldValue)] = [], persistence: Persistence,
        bodiless: Bool = false, to buffer: ByteBuffer
    ) {
        let body = ByteBuffer(minimumCapacity: 256)
        problem.appendJSON(to: body)
        appendHead(
            problem.status,
            fields: [
                ("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"),
            ] + fields,
            body: .length(UInt64(body.count)), persistence: persistence, to: buffer)
        if !bodiless { body.withSpan { buffer.append($0) } }
    }
}
