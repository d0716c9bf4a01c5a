// What one who is over a limit of connections or of rates is told.

internal import Ring
internal import Wire

extension Shard {
    /// Tells a connection that is over a limit so, in answer to its first request.
    mutating func refuse(_ slot: Int, _ head: RequestHead, _ refusal: Turnstile.Refusal) {
        switch refusal {
        case .connections(let limit, let value):
            respondProblem(
                slot, head, .serviceUnavailable,
                "this would be connection \(value); at most \(limit) are allowed",
                limit: limit, value: value, fields: [("Retry-After", "5")], close: true)
        case .address(let limit, let value):
            respondProblem(
                slot, head, .tooManyRequests,
                "this would be connection \(value) of this address; at most \(limit) are allowed",
                limit: limit, value: value, fields: [("Retry-After", "5")], close: true)
        case .rate(let limit):
            respondProblem(
                slot, head, .tooManyRequests,
                "more than \(limit) connections of this address within a second",
                limit: limit, value: limit + 1, fields: [("Retry-After", "1")], close: true)
        }
    }

    /// Counts a message that a connection means to publish.
    ///
    /// - Returns: false when it has published too many within the last second.
    mutating func admitsPublish(_ slot: Int) -> Bool {
        let limit = limits.publishesPerSecondMax
        guard limit > 0, !connections[slot].rights.contains(.unmetered) else { return true }
        let admits = connections[slot].publishes.admits(
            perSecond: limit, nowMilliseconds: now.monotonicMilliseconds)
        if !admits { tally(.refusedRate) }
        return admits
    }

    /// What one is told whom ``admitsPublish(_:)`` does not let publish.
    var tooManyPublishes: PublishError { .rate(limit: limits.publishesPerSecondMax) }

    /// Counts a command other than `publish`.
    mutating func admitsCommand(_ slot: Int, _ session: WebSocketSession) -> Bool {
        let limit = limits.commandsPerSecondMax
        guard limit > 0, !connections[slot].rights.contains(.unmetered) else { return true }
        let admits = session.commands.admits(
            perSecond: limit, nowMilliseconds: now.monotonicMilliseconds)
        if !admits { tally(.refusedRate) }
        return admits
    }
}
