// What is true of all shards of a world; `Shard.faults` says it of one.

@testable import Hub
import Ring
import Testing

extension World {
    /// Records an issue for each cross-link of a shard that does not hold.
    func checkInvariants(_ comment: @autoclosure () -> String = "") {
        for loop in loops {
            let faults = loop.shard.faults()
            // The rim of one that was freed in this turn has not been told yet.
            for client in loop.clients.compactMap({ $0 })
            where !client.isGone && loop.shard.slot(of: client.peer) != nil {
                let known = loop.shard.connections[client.peer.slot].lag?.rimBytes ?? 0
                #expect(known == client.kept.count, "\(comment()): what the rim keeps")
            }
            if !faults.isEmpty { Issue.record("\(comment()): \(faults.prefix(3))") }
        }
    }

    /// What is left to do, or kept, though all loops have come to rest.
    func restFaults() -> [String] {
        var faults = loops.flatMap { $0.shard.restFaults() }
        if shared.ring.bytesHeld != 0 {
            faults.append("the ring holds \(shared.ring.bytesHeld) bytes at rest")
        }
        return faults
    }

    /// What is left of anything though everybody is gone and every history has expired.
    func emptyFaults() -> [String] {
        var faults = loops.flatMap { $0.shard.emptyFaults() }
        for counter in [Counter.connections, .subscriptions] {
            let left = shared.counters.total(counter)
            if left != 0 { faults.append("\(left) \(counter) counted at the end") }
        }
        if shared.turnstile.connectionCount != 0 {
            faults.append("\(shared.turnstile.connectionCount) connections are not released")
        }
        return faults
    }
}
