// What each route does with a whole request.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    func route(of head: RequestHead) throws(HTTP1Error) -> Route? {
        Route(
            path: head.path, segments: try head.pathSegments(), query: try head.query(),
            componentPaths: componentPaths, hasPage: settings.page != nil)
    }

    /// Whether this request will wait for messages as a long-poll.
    func startsPoll(_ head: RequestHead) -> Bool {
        guard head.method == .get, head.path.starts(with: Array("/channels".utf8)) else {
            return false
        }
        return !head.wantsUpgrade(to: "websocket")
    }

    /// A request is whole: does what it asks.
    mutating func handle(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, body: [UInt8]
    ) {
        do throws(HTTP1Error) {
            let route = try route(of: head)
            let query = try head.query()
            // With a body, the head was admitted before the body was read.
            if head.bodyFraming == .none, !admit(slot, head, route) { return }
            if head.method == .options {
                answerPreflight(slot, head)
            } else if let route {
                handle(slot, exchange, head, route, query, body)
            }
        } catch {
            refuse(slot, error)
        }
    }

    private mutating func handle(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ route: Route,
        _ query: [QueryItem], _ body: [UInt8]
    ) {
        let wantsWebSocket = head.wantsUpgrade(to: "websocket")
        switch (route, head.method) {
        case (.page, .get), (.page, .head):
            guard let page = settings.page else { return }
            respond(slot, head, type: .string(page.contentType), body: page.body)
        case (.channels(let names), .get):
            guard let names = checked(names, slot, head), takeUser(slot, head, query) else {
                return
            }
            if wantsWebSocket {
                openWebSocket(slot, head, query, .channels(names))
            } else {
                openStreamOrPoll(slot, exchange, head, query, names)
            }
        case (.channels(let names), .post):
            guard let names = checked(names, slot, head) else { return }
            publishBody(slot, head, query, names, body)
        case (.history(let name), .get):
            guard let names = checked([name], slot, head) else { return }
            requestHistory(slot, exchange, head, query, names[0])
        case (.presence(let name), .get):
            guard let names = checked([name], slot, head) else { return }
            requestPresence(slot, exchange, head, names[0])
        case (.batch, .post): publishBatch(slot, head, body)
        case (.connect, .get):
            guard takeUser(slot, head, query) else { return }
            openWebSocket(slot, head, query, .connect)
        case (.component(let index), .get):
            // The query is the component's.
            connections[slot].user = nil
            openWebSocket(slot, head, query, .component(index))
        default:
            respondProblem(
                slot, head, .methodNotAllowed, "the method is not allowed here",
                fields: [("Allow", .text(allowed(route)))])
        }
    }

    private func allowed(_ route: Route) -> StaticString {
        switch route {
        case .page: "GET, HEAD, OPTIONS"
        case .channels: "GET, POST, OPTIONS"
        case .batch: "POST, OPTIONS"
        case .history, .presence, .connect, .component: "GET, OPTIONS"
        }
    }

    private mutating func answerPreflight(_ slot: Int, _ head: RequestHead) {
        respondNothing(
            slot, head,
            fields: [
                ("Access-Control-Allow-Methods", "GET, POST"),
                (
                    "Access-Control-Allow-Headers",
                    "Authorization, Content-Type, Last-Event-ID, If-None-Match, Carillon-Event"
                ),
                ("Access-Control-Max-Age", "600"),
            ])
    }

    /// The channels named, or nil after a 400.
    private mutating func checked(
        _ names: [[UInt8]], _ slot: Int, _ head: RequestHead
    ) -> [ChannelName]? {
        guard !names.isEmpty else {
            respondProblem(
                slot, head, .badRequest, "no channel is named: ?name=a&name=b")
            return nil
        }
        guard names.count <= limits.channelsPerConnectionMax else {
            respondProblem(
                slot, head, .badRequest,
                "\(names.count) channels are named; "
                    + "at most \(limits.channelsPerConnectionMax) are allowed",
                limit: limits.channelsPerConnectionMax, value: names.count)
            return nil
        }
        var checked: [ChannelName] = []
        for name in names {
            switch channelName(name) {
            case .success(let name): if !checked.contains(name) { checked.append(name) }
            case .failure(let error):
                respondProblem(
                    slot, head, .badRequest, error.detail, limit: error.measure?.limit,
                    value: error.measure?.value)
                return nil
            }
        }
        return checked
    }

    // MARK: - Publishing

    private mutating func publishBody(
        _ slot: Int, _ head: RequestHead, _ query: [QueryItem], _ names: [ChannelName],
        _ body: [UInt8]
    ) {
        let event =
            query.first { $0.name == Array("event".utf8) }?.value
            ?? head.first("Carillon-Event").map { Array($0.utf8) }
        if let event, let wrong = wrongEvent(event) {
            respondProblem(
                slot, head, .badRequest, wrong.detail, limit: wrong.measure?.limit,
                value: wrong.measure?.value)
            return
        }
        let kind: Message.Kind
        switch bodyKind(head, body) {
        case .success(let found): kind = found
        case .failure(let error):
            respondProblem(slot, head, .badRequest, error.detail)
            return
        }
        guard names.count == 1 else {
            respondProblem(
                slot, head, .badRequest,
                "\(names.count) channels are named; POST /publish takes several messages")
            return
        }
        guard admitsPublish(slot) else {
            let limit = limits.publishesPerSecondMax
            respondProblem(
                slot, head, .tooManyRequests,
                "more than \(limit) messages within a second; the message was not published",
                limit: limit, value: limit + 1, fields: [("Retry-After", "1")])
            return
        }
        switch publish(Publication(channel: names[0], kind: kind, payload: body, event: event)) {
        case .published(let sequence):
            let answer = ByteBuffer()
            appendPublished(id(sequence), to: answer)
            answer.append(0x0A)
            respond(slot, head, type: "application/json", body: answer.array())
        case .full:
            respondProblem(
                slot, head, .serviceUnavailable, "the ring is full; the message was not published",
                fields: [("Retry-After", "1")])
        case .tooLarge(let limit):
            respondProblem(
                slot, head, .contentTooLarge,
                "the message has \(body.count) bytes; at most \(limit) are allowed",
                limit: limit, value: body.count)
        }
    }

    func appendPublished(_ id: MessageID, to answer: ByteBuffer) {
        answer.append("{\"id\":\"")
        id.append(to: answer)
        answer.append("\"}")
    }

    /// Why an event name can't be used, or nil.
    func wrongEvent(_ event: [UInt8]) -> EventError? {
        if event.count > limits.eventNameBytesMax {
            return .tooLong(limit: limits.eventNameBytesMax, measured: event.count)
        }
        guard ServerSentEvents.isValidEventName(event.span), isValidUTF8(event.span) else {
            return .malformed
        }
        return nil
    }

    /// What a published body is: JSON when it is called so (and then it must be), bytes when it is
    /// called so or is not UTF-8, else text.
    private func bodyKind(
        _ head: RequestHead, _ body: [UInt8]
    ) -> Result<Message.Kind, JSONError> {
        let type = (head.first("Content-Type") ?? "").lowercased()
        let media = type.prefix { $0 != ";" }.trimmingSpaces()
        if media == "application/json" || media.hasSuffix("+json") {
            do throws(JSONError) {
                try validateJSON(body.span)
                return .success(.json)
            } catch {
                return .failure(error)
            }
        }
        if media == "application/octet-stream" { return .success(.binary) }
        return .success(isValidUTF8(body.span) ? .text : .binary)
    }
}

/// What is wrong with an event's name.
enum EventError: Error, Equatable {
    case tooLong(limit: Int, measured: Int)
    case malformed

    var detail: String {
        switch self {
        case .tooLong(let limit, let measured):
            "the event name has \(measured) bytes; at most \(limit) are allowed"
        case .malformed: "the event name is empty, not UTF-8, or holds a line break or NUL"
        }
    }

    var measure: (limit: Int, value: Int)? {
        switch self {
        case .tooLong(let limit, let measured): (limit, measured)
        case .malformed: nil
        }
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var rest = self
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return rest
    }
}
