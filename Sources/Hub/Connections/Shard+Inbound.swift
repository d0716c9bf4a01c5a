// Memory of input: what the connections of this loop hold of requests and messages that are not
// whole, and what happens when it is too much.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    /// Counts anew what a connection holds. After whatever may have changed it.
    mutating func countInbound(_ slot: Int) {
        // No connection may hold anything near this; its record has 32 bits for it.
        let held = min(inboundBytes(of: slot), Int(UInt32.max))
        inboundBytes += held - Int(connections[slot].inboundBytes)
        connections[slot].inboundBytes = UInt32(held)
    }

    /// Counts anew, and refuses the connection if that is what made it too much.
    mutating func limitInbound(_ slot: Int) {
        let before = connections[slot].inboundBytes
        countInbound(slot)
        guard inboundBytes > settings.inboundBytesPerLoopMax,
            connections[slot].inboundBytes > before
        else { return }
        refuseInbound(slot)
        countInbound(slot)
    }

    func inboundBytes(of slot: Int) -> Int {
        switch connections[slot].activity {
        case .none, .stream, .lingering: 0
        case .http(let exchange): exchange.heldBytes
        case .poll(let poll): poll.exchange.heldBytes
        case .webSocket(let session): session.carry.count + session.decoder.unfinishedBytes
        }
    }

    private mutating func refuseInbound(_ slot: Int) {
        let limit = settings.inboundBytesPerLoopMax
        let value = inboundBytes
        let detail =
            "\(value) bytes of unfinished requests and messages are held; "
            + "at most \(limit) are allowed"
        switch connections[slot].activity {
        case .none, .stream, .lingering: return
        case .http(let exchange):
            if case .disk = exchange.awaits {
                // What it published is out; an answer that tells to try again would be untrue.
                linger(slot)
                break
            }
            exchange.awaits = nil
            respondProblem(
                slot, nil, .serviceUnavailable, detail, limit: limit, value: value,
                fields: [("Retry-After", "5")], close: true)
        case .poll(let poll):
            // Its answer is made of all that it is owed, and comes at the end of this turn.
            guard !output.owes(slot) else { return }
            finishPoll(slot, poll.exchange)
            respondProblem(
                slot, poll.head, .serviceUnavailable, detail, limit: limit, value: value,
                fields: [("Retry-After", "5")], close: true)
        case .webSocket(let session):
            closeWebSocket(
                slot, session, code: WebSocketCloseCode.tryAgainLater,
                "\(value) bytes of unfinished messages; at most \(limit)")
            tellClosed(peer(slot), session, .server)
            // What follows is the rest of a message that is given up, so no close frame would be
            // found in it.
            linger(slot)
        }
        tally(.refusedInbound)
    }
}
