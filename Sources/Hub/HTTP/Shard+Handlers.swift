// What each route does with a whole request.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    func route(of head: RequestHead) -> Route? {
        Route(head, componentPaths: componentPaths, hasPage: settings.page != nil)
    }

    /// Whether this request may wait for messages as a long-poll.
    func startsPoll(_ head: RequestHead, _ route: Route?) -> Bool {
        guard head.method == .get, route == .channel || route == .channels else { return false }
        return !head.wantsUpgrade(to: "websocket")
    }

    /// A request is whole: does what it asks.
    mutating func handle(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ route: Route?, body: [UInt8]
    ) {
        // With a body, the head was admitted before the body was read.
        if head.bodyFraming == .none, !admit(slot, head, route) { return }
        if head.method == .options {
            answerPreflight(slot, head)
        } else if let route {
            handle(slot, exchange, head, route, body)
        }
        scratch.giveBack(head)
    }

    private mutating func handle(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ route: Route, _ body: [UInt8]
    ) {
        switch (route, head.method) {
        case (.page, .get), (.page, .head):
            guard let page = settings.page else { return }
            respond(slot, head, type: .string(page.contentType), body: page.body.span)
        case (.channel, .get), (.channels, .get):
            guard let names = names(slot, head, route), takeUser(slot, head) else { return }
            if head.wantsUpgrade(to: "websocket") {
                openWebSocket(slot, head, .channels(names))
            } else {
                openStreamOrPoll(slot, exchange, head, names)
            }
        case (.channel, .post), (.channels, .post):
            guard let name = onlyName(slot, head, route) else { return }
            publishBody(slot, exchange, head, name, body)
        case (.history, .get):
            guard let name = pathName(slot, head) else { return }
            requestHistory(slot, exchange, head, name)
        case (.presence, .get):
            guard let name = pathName(slot, head) else { return }
            requestPresence(slot, exchange, head, name)
        case (.batch, .post): publishBatch(slot, exchange, head, body)
        case (.connect, .get):
            guard takeUser(slot, head) else { return }
            openWebSocket(slot, head, .connect)
        case (.component(let index), .get):
            // The query is the component's.
            connections[slot].user = nil
            openWebSocket(slot, head, .component(index))
        default:
            respondProblem(
                slot, head, .methodNotAllowed, "the method is not allowed here",
                fields: [("Allow", .text(allowed(route)))])
        }
    }

    private func allowed(_ route: Route) -> StaticString {
        switch route {
        case .page: "GET, HEAD, OPTIONS"
        case .channel, .channels: "GET, POST, OPTIONS"
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

    // MARK: - Names

    /// The channel that the path names, or nil after a 400.
    private mutating func pathName(_ slot: Int, _ head: RequestHead) -> ChannelName? {
        var name = Result<ChannelName, NameError>.failure(.empty)
        _ = head.withSegment(1) { name = channelName($0) }
        return checked(name, slot, head)
    }

    private mutating func checked(
        _ name: Result<ChannelName, NameError>, _ slot: Int, _ head: RequestHead
    ) -> ChannelName? {
        switch name {
        case .success(let name): return name
        case .failure(let error):
            respondProblem(
                slot, head, .badRequest, error.detail, limit: error.measure?.limit,
                value: error.measure?.value)
            return nil
        }
    }

    /// The channel to publish on, or nil after a 400.
    private mutating func onlyName(
        _ slot: Int, _ head: RequestHead, _ route: Route
    ) -> ChannelName? {
        if route == .channel { return pathName(slot, head) }
        guard let names = names(slot, head, route) else { return nil }
        guard names.count == 1 else {
            respondProblem(
                slot, head, .badRequest,
                "\(names.count) channels are named; POST /publish takes several messages")
            return nil
        }
        return names[0]
    }

    /// The channels named, or nil after a 400.
    private mutating func names(
        _ slot: Int, _ head: RequestHead, _ route: Route
    ) -> [ChannelName]? {
        if route == .channel { return pathName(slot, head).map { [$0] } }
        let named = head.query.filter { equal($0.name.span, "name") }
        guard !named.isEmpty else {
            respondProblem(
                slot, head, .badRequest, "no channel is named: ?name=a&name=b")
            return nil
        }
        guard named.count <= limits.channelsPerConnectionMax else {
            respondProblem(
                slot, head, .badRequest,
                "\(named.count) channels are named; "
                    + "at most \(limits.channelsPerConnectionMax) are allowed",
                limit: limits.channelsPerConnectionMax, value: named.count)
            return nil
        }
        var names: [ChannelName] = []
        for item in named {
            guard let name = checked(channelName(item.value.span), slot, head) else { return nil }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }
}
