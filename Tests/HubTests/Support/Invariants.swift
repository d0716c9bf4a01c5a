// What is true of a shard between any two turns.

@testable import Hub
import Ring
import Testing

extension World {
    /// Records an issue for each cross-link of a shard that does not hold.
    func checkInvariants(_ comment: @autoclosure () -> String = "") {
        for loop in loops {
            let faults = loop.shard.faults()
            if !faults.isEmpty { Issue.record("\(comment()): \(faults.prefix(3))") }
        }
    }
}

extension Shard {
    func faults() -> [String] {
        var faults: [String] = []
        func require(_ holds: Bool, _ fault: @autoclosure () -> String) {
            if !holds { faults.append(fault()) }
        }
        var open = 0
        var subscriptions = 0
        for (slot, connection) in connections.enumerated() {
            if case .none = connection.activity {
                require(connection.subscriptions.isEmpty, "free slot \(slot) follows channels")
                require(connection.lag == nil, "free slot \(slot) has a lag")
            } else {
                open += 1
                require(wheel.deadline(of: slot) != nil, "slot \(slot) has no deadline")
            }
            require(lagging[slot] == (connection.lag != nil), "slot \(slot): lagging")
            let recalls = connection.subscriptions.filter { $0.recall != 0 }.count
            require((connection.lag?.recalls ?? 0) == recalls, "slot \(slot): \(recalls) recalls")
            for (index, subscription) in connection.subscriptions.enumerated() {
                subscriptions += 1
                let channel = channels[Int(subscription.channel)]
                let member = channel.groups.first { $0.encoding == subscription.encoding }?
                    .members[Int(subscription.member)]
                require(
                    member.map { Int($0.slot) == slot && Int($0.subscription) == index } ?? false,
                    "slot \(slot), subscription \(index) is not the member it names")
            }
        }
        require(
            inboundBytes == connections.indices.reduce(0) { $0 + self.inboundBytes(of: $1) },
            "\(inboundBytes) bytes of input are counted")
        require(subscriptions == subscriptionCount, "\(subscriptionCount) subscriptions counted")
        let refused = connections.filter { if case .refused = $0.passage { true } else { false } }
        require(refused.count == refusals, "\(refusals) refusals counted")
        require(open == connectionCount, "\(open) connections, \(connectionCount) counted")
        let waiting = connections.reduce(0) { $0 + ($1.lag.map { $0.bytes + $0.rimBytes } ?? 0) }
        require(waiting == backlog.bytes, "\(waiting) bytes wait, \(backlog.bytes) are counted")
        require(batch.overfull.isEmpty, "\(batch.overfull.count) connections are left over a limit")
        var kept = (bytes: 0, count: 0)
        for index in channels.entries.indices where channels.isInUse(index) {
            kept.bytes += channels[index].history?.bytes ?? 0
            kept.count += channels[index].history?.count ?? 0
        }
        require(kept == (ledger.bytes, ledger.count), "\(kept) are kept, the ledger differs")
        require(
            shared.counters.value(self.index, .historyBytes) == UInt64(kept.bytes),
            "the history's counter")
        var members = 0
        for index in channels.entries.indices where channels.isInUse(index) {
            let channel = channels[index]
            let count = channel.groups.reduce(0) { $0 + $1.members.count }
            require(count == channel.memberCount, "channel \(index) has \(count) members")
            require(count > 0 || channel.history != nil, "channel \(index) is of no use to anybody")
            members += count
        }
        require(members == subscriptions, "\(members) members, \(subscriptions) subscriptions")
        require(
            shared.counters.value(index, .connections) == UInt64(open), "the connections counter")
        require(
            shared.counters.value(index, .subscriptions) == UInt64(subscriptions),
            "the subscriptions counter")
        return faults
    }
}
