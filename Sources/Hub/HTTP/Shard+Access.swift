// Who may: API keys, anonymous rights, origins.

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
        if let authorization = head.first("Authorization") {
            let scheme = authorization.prefix(7)
            guard scheme.lowercased() == "bearer " else { return .unknownKey }
            let key = Array(authorization.dropFirst(7).utf8)
            var known = false
            for candidate in settings.access.apiKeys
            where equalInConstantTime(candidate.span, key.span) {
                known = true
            }
            return known ? .admitted([.read, .publish, .unmetered]) : .unknownKey
        }
        var rights: Rights = []
        if settings.access.anonymousRead { rights.insert(.read) }
        if settings.access.anonymousPublish { rights.insert(.publish) }
        return .admitted(rights)
    }

    /// Whether a page of `origin` may call: it is listed, or the request goes to the origin itself.
    func isAllowed(origin: String, _ head: RequestHead?) -> Bool {
        let access = settings.access
        if access.anyOrigin || access.allowedOrigins.contains(origin) { return true }
        guard let host = head?.host else { return false }
        return origin == "http://\(host)" || origin == "https://\(host)"
    }

    /// Checks origin and rights for a route; answers the request itself when they do not suffice.
    ///
    /// - Returns: whether the request goes on.
    mutating func admit(_ slot: Int, _ head: RequestHead, _ route: Route?) -> Bool {
        if let origin = head.first("Origin"), !isAllowed(origin: origin, head) {
            respondProblem(
                slot, head, .forbidden,
                "the origin \(origin) is not on the list of allowed origins", close: true)
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
        case .channels: method == .post ? .publish : .read
        }
    }
}
