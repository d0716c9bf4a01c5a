// Writing responses.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    /// Answers a request that broke a rule of HTTP, and ends the connection: what follows can't be trusted.
    mutating func refuse(_ slot: Int, _ error: HTTP1Error) {
        tally(.errors)
        respondProblem(
            slot, nil, status: error.answer,
            detail: error.detail, close: true)
    }

    /// Answers with `application/problem+json` (RFC 9457).
    ///
    /// - Parameter close: end the connection, whatever the request asked for.
    mutating func respondProblem(
        _ slot: Int, _ head: RequestHead?, status: HTTPStatus, detail: String,
        limit: Int? = nil, value: Int? = nil, fields: [(StaticString, String)] = [],
        close: Bool = false
    ) {
        let body = ByteBuffer()
        ResponseWriter.appendProblemBody(
            status: status, detail: detail, limit: limit, value: value, to: body)
        let keepAlive = !close && (head?.keepAlive ?? false)
        respond(
            slot, head, status: status, type: "application/problem+json", body: body.array(),
            fields: fields, keepAlive: keepAlive)
    }

    /// Answers with a body of known length.
    mutating func respond(
        _ slot: Int, _ head: RequestHead?, status: HTTPStatus = .ok, type: StaticString?,
        body: [UInt8], fields: [(StaticString, String)] = [], keepAlive: Bool? = nil
    ) {
        let stays = (keepAlive ?? head?.keepAlive ?? false) && !isLeaving
        let all = fields + crossOriginFields(head)
        let isHead = head?.method == .head
        write(slot) { log in
            ResponseWriter.appendHead(
                status: status, contentType: type,
                contentLength: status == .noContent ? nil : body.count, fields: all,
                keepAlive: stays, to: log)
            if !isHead { log.append(body.span) }
        }
        finishResponse(slot, keepAlive: stays)
    }

    /// The head of a response that goes on for as long as the connection does. It has no length: the end of the
    /// connection ends it (RFC 9112 §6.3), so every subscriber can be given the same bytes.
    mutating func respondStreaming(
        _ slot: Int, _ head: RequestHead, type: StaticString, position: MessageID
    ) {
        let fields: [(StaticString, String)] =
            [
                ("Cache-Control", "no-cache, no-transform"), ("X-Accel-Buffering", "no"),
                ("Carillon-Position", position.description),
            ] + crossOriginFields(head)
        write(slot) {
            ResponseWriter.appendHead(
                status: .ok, contentType: type, contentLength: nil, fields: fields,
                keepAlive: false, to: $0)
        }
    }

    /// What a browser needs to let a page of another origin read the response (Fetch, "CORS protocol").
    func crossOriginFields(_ head: RequestHead?) -> [(StaticString, String)] {
        guard let origin = head?.first("Origin"), isAllowed(origin: origin, head) else { return [] }
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "ETag, Carillon-Gap, Carillon-Position"),
            ("Vary", "Origin"),
        ]
    }
}
