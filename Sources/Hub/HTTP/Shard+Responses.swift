// Writing responses.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    typealias Fields = [(StaticString, FieldValue)]

    /// Answers a request that broke a rule of HTTP, and ends the connection: what follows can't be
    /// trusted.
    mutating func refuse(_ slot: Int, _ error: HTTP1Error) {
        tally(.errors)
        respond(slot, nil, Problem(error), keepAlive: false)
    }

    /// Answers with `application/problem+json` (RFC 9457).
    ///
    /// - Parameter close: end the connection, whatever the request asked for.
    mutating func respondProblem(
        _ slot: Int, _ head: RequestHead?, _ status: HTTPStatus, _ detail: String,
        limit: Int? = nil, value: Int? = nil, fields: Fields = [], close: Bool = false
    ) {
        let problem = Problem(
            status, detail: detail, limit: limit.map { UInt64($0) }, value: value.map { UInt64($0) }
        )
        respond(slot, head, problem, fields: fields, keepAlive: !close && head?.keepAlive == true)
    }

    private mutating func respond(
        _ slot: Int, _ head: RequestHead?, _ problem: Problem, fields: Fields = [], keepAlive: Bool
    ) {
        tally(.refused)
        var all = scratch.takeFields()
        all += fields
        appendCommonFields(head, to: &all)
        let persistence = persistence(head, keepAlive: keepAlive)
        write(slot) {
            ResponseWriter.appendProblem(
                problem, fields: all, persistence: persistence, bodiless: head?.method == .head,
                to: $0)
        }
        scratch.giveBack(&all)
        finishResponse(slot, keepAlive: keepAlive)
    }

    /// Answers 200 with a body of known length.
    mutating func respond(
        _ slot: Int, _ head: RequestHead, type: FieldValue, body: Span<UInt8>, fields: Fields = []
    ) {
        var all = scratch.takeFields()
        all.append(("Content-Type", type))
        all += fields
        appendCommonFields(head, to: &all)
        let persistence = persistence(head, keepAlive: head.keepAlive)
        write(slot) { log in
            ResponseWriter.appendHead(
                .ok, fields: all, body: .length(UInt64(body.count)), persistence: persistence,
                to: log)
            if head.method != .head { log.append(body) }
        }
        scratch.giveBack(&all)
        finishResponse(slot, keepAlive: head.keepAlive)
    }

    /// Answers 204.
    mutating func respondNothing(_ slot: Int, _ head: RequestHead, fields: Fields) {
        var all = scratch.takeFields()
        all += fields
        appendCommonFields(head, to: &all)
        let persistence = persistence(head, keepAlive: head.keepAlive)
        write(slot) {
            ResponseWriter.appendHead(
                .noContent, fields: all, body: .none, persistence: persistence, to: $0)
        }
        scratch.giveBack(&all)
        finishResponse(slot, keepAlive: head.keepAlive)
    }

    /// The head of a response that goes on for as long as the connection does. It has no length:
    /// the end of the connection ends it (RFC 9112 §6.3), so every subscriber can be given the same
    /// bytes.
    ///
    /// - Parameter position: where "now" is, for a stream that begins there; a client that is cut
    ///   before the first message goes on from it.
    mutating func respondStreaming(
        _ slot: Int, _ head: RequestHead, type: FieldValue, position: MessageID?
    ) {
        var fields: Fields = [
            ("Content-Type", type), ("Cache-Control", "no-cache, no-transform"),
            ("X-Accel-Buffering", "no"),
            (
                "Carillon-Connection",
                .string(
                    String(
                        decoding: shared.connectionNames.name(of: peer(slot)), as: UTF8.self))
            ),
        ]
        if let position { fields.append(("Carillon-Position", .string("\(position)"))) }
        appendCommonFields(head, to: &fields)
        write(slot) {
            ResponseWriter.appendHead(
                .ok, fields: fields, body: .untilClose, persistence: .close, to: $0)
        }
    }

    func persistence(_ head: RequestHead?, keepAlive: Bool) -> Persistence {
        guard keepAlive, !isLeaving, let head else { return .close }
        return .keepAlive(head.version)
    }

    /// What every response carries: when it was made (RFC 9110 §6.6.1), and what a browser needs to
    /// let a page of another origin read it (Fetch, "CORS protocol").
    func appendCommonFields(_ head: RequestHead?, to fields: inout Fields) {
        fields.append(("Date", .date(secondsSince1970: now.unixMilliseconds / 1000)))
        guard let head, let origin = head.first("Origin"),
            isAllowed(origin: origin.utf8.span, head)
        else { return }
        fields.append(("Access-Control-Allow-Origin", .string(origin)))
        fields.append(
            (
                "Access-Control-Expose-Headers",
                "ETag, Retry-After, Carillon-Connection, Carillon-Gap, Carillon-Position"
            ))
        fields.append(("Vary", "Origin"))
    }
}
