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

    private static let channelsPath = Array("/channels".utf8)

    /// Whether this request will wait for messages as a long-poll.
    func startsPoll(_ head: RequestHead) -> Bool {
        guard head.method == .get, head.path.starts(with: Shard.channelsPath) else { return false }
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
            publishBody(slot, exchange, head, query, names, body)
        case (.history(let name), .get):
            guard let names = checked([name], slot, head) else { return }
            requestHistory(slot, exchange, head, query, names[0])
        case (.presence(let name), .get):
            guard let names = checked([name], slot, head) else { return }
            requestPresence(slot, exchange, head, names[0])
        case (.batch, .post): publishBatch(slot, exchange, head, body)
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

    /// What a page of another origin may send.
    private static let headersAllowed: StaticString = """
        Authorization, Content-Type, Last-Event-ID, If-None-Match, Idempotency-Key, \
        Carillon-Event, Carillon-Exclude, Carillon-TTL, Carillon-Version
        """

    private mutating func answerPreflight(_ slot: Int, _ head: RequestHead) {
        respondNothing(
            slot, head,
            fields: [
                ("Access-Control-Allow-Methods", "GET, POST"),
                (
                    "Access-Control-Allow-Headers",
                    .text(Shard.headersAllowed)
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
}
