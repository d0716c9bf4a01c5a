// Who may: API keys, anonymous rights, origins.

internal import Bytes
internal import Signatures
internal import Wire

extension Shard {
    enum Admission {
        case admitted(Rights)
        /// A credential was given and is not known. It never falls back to what nobody in
        /// particular may do.
        case unknownKey
    }

    func rights(of head: RequestHead) -> Admission {
        var isKnown = false
        let isGiven = head.withFirst("Authorization") { authorization in
            guard authorization.count > 7,
                equalIgnoringCase(authorization.extracting(0..<7), "Bearer ")
            else { return }
            let key = authorization.extracting(7..<authorization.count)
            for candidate in settings.access.apiKeys
            where equalInConstantTime(candidate.span, key) {
                isKnown = true
            }
        }
        if isGiven { return isKnown ? .admitted([.read, .publish, .unmetered]) : .unknownKey }
        var rights: Rights = []
        if settings.access.anonymousRead { rights.insert(.read) }
        if settings.access.anonymousPublish { rights.insert(.publish) }
        return .admitted(rights)
    }

    /// Whether a page of `origin` may call: it is listed, or the request goes to the origin itself.
    func isAllowed(origin: Span<UInt8>, _ head: RequestHead) -> Bool {
        let access = settings.access
        if access.anyOrigin { return true }
        for listed in access.allowedOrigins where equal(origin, listed.utf8.span) { return true }
        var isOwn = false
        _ = head.withHost { host in
            let scheme = origin.count - host.count
            isOwn =
                scheme > 0 && equal(origin.extracting(scheme..<origin.count), host)
                && (equal(origin.extracting(0..<scheme), "http://")
                    || equal(origin.extracting(0..<scheme), "https://"))
        }
        return isOwn
    }

    /// Checks origin and rights for a route; answers the request itself when they do not suffice.
    ///
    /// - Returns: whether the request goes on.
    mutating func admit(_ slot: Int, _ head: RequestHead, _ route: Route?) -> Bool {
        var isAllowed = true
        if head.withFirst("Origin", { isAllowed = self.isAllowed(origin: $0, head) }), !isAllowed {
            respondProblem(
                slot, head, .forbidden,
                "the origin \(head.first("Origin") ?? "") is not on the list of allowed origins",
                close: true)
            return false
        }
        // A preflight carries no credentials (Fetch, "CORS-preflight fetch").
        if head.method == .options { return true }
        guard let route else {
            respondProblem(
                slot, head, .notFound, "there is nothing here; a channel is /channels/{name}",
                close: head.bodyFraming != .none)
            return false
        }
        guard case .admitted(let rights) = rights(of: head) else {
            respondProblem(
                slot, head, .unauthorized, "the key is not known",
                fields: [("WWW-Authenticate", "Bearer")], close: true)
            return false
        }
        connections[slot].rights = rights
        guard let needed = needed(route, head.method), !rights.contains(needed) else { return true }
        respondProblem(
            slot, head, .unauthorized,
            needed == .publish
                ? "publishing needs an API key: Authorization: Bearer KEY"
                : "reading needs an API key, or a gateway started with anonymous reading",
            fields: [("WWW-Authenticate", "Bearer")], close: true)
        return false
    }

    private func needed(_ route: Route, _ method: HTTPMethod) -> Rights? {
        switch route {
        case .page, .component: nil
        case .batch: .publish
        case .history, .presence, .connect: .read
        case .channel, .channels: method == .post ? .publish : .read
        }
    }
}
