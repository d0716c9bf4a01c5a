// What is true of a shard, looked at from outside: for tests, simulation and fuzzing. What it is
// not: part of any turn.

internal import Ring

extension Shard {
    /// Each cross-link and each bound that does not hold between two turns. Empty is well.
    package func faults() -> [String] {
        var faults: [String] = []
        var open = 0
        var subscriptions = 0
        for slot in connections.indices {
            if case .none = connections[slot].activity {} else { open += 1 }
            subscriptions += connections[slot].subscriptions.count
            faults += self.faults(ofSlot: slot)
        }
        func require(_ holds: Bool, _ fault: @autoclosure () -> String) {
            if !holds { faults.append(fault()) }
        }
        require(
            inboundBytes == connections.indices.reduce(0) { $0 + self.inboundBytes(of: $1) },
            "\(inboundBytes) bytes of input are counted")
        require(subscriptions == subscriptionCount, "\(subscriptionCount) subscriptions counted")
        let refused = connections.count { if case .refused = $0.passage { true } else { false } }
        require(refused == refusals, "\(refusals) refusals counted, there are \(refused)")
        require(open == connectionCount, "\(open) connections, \(connectionCount) counted")
        let waiting = connections.reduce(0) { $0 + ($1.lag.map { $0.bytes + $0.rimBytes } ?? 0) }
        require(waiting == backlog.bytes, "\(waiting) bytes wait, \(backlog.bytes) are counted")
        var kept = (bytes: 0, count: 0)
        for index in channels.entries.indices where channels.isInUse(index) {
            kept.bytes += channels[index].history?.bytes ?? 0
            kept.count += channels[index].history?.count ?? 0
        }
        require(kept == (ledger.bytes, ledger.count), "\(kept) are kept, the ledger differs")
        require(
            shared.counters.value(index, .historyBytes) == UInt64(kept.bytes),
            "the history's counter")
        var members = 0
        for index in channels.entries.indices where channels.isInUse(index) {
            let channel = channels[index]
            let count = channel.groups.reduce(0) { $0 + $1.members.count }
            require(count == channel.memberCount, "channel \(index) has \(count) members")
            require(count > 0 || channel.history != nil, "channel \(index) is of no use to anybody")
            require(
                count == 0 || isCalled(for: channel.name), "channel \(index) calls nobody here")
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

    /// Whether this loop is woken for messages of the channel.
    private func isCalled(for channel: ChannelName) -> Bool {
        shared.interest.isFollowed(bucket: shared.interest.bucket(of: channel), on: self.index)
    }

    private func faults(ofSlot slot: Int) -> [String] {
        var faults: [String] = []
        func require(_ holds: Bool, _ fault: @autoclosure () -> String) {
            if !holds { faults.append("slot \(slot): \(fault())") }
        }
        let connection = connections[slot]
        if case .none = connection.activity {
            require(connection.subscriptions.isEmpty, "is free and follows channels")
            require(connection.lag == nil, "is free and has a lag")
            if case .none = connection.passage {} else { require(false, "is free and counted") }
        } else {
            require(wheel.deadline(of: slot) != nil, "has no deadline")
        }
        require(lagging[slot] == (connection.lag != nil), "lagging")
        let recalls = connection.subscriptions.filter { $0.recall != 0 }.count
        require((connection.lag?.recalls ?? 0) == recalls, "\(recalls) recalls")
        if let lag = connection.lag, lag.count > 1 {
            require(lag.bytes <= limits.backlogBytesMax, "is over its backlog")
        }
        require((connection.lag?.bytes ?? 0) >= 0, "has a backlog below zero")
        for (index, subscription) in connection.subscriptions.enumerated() {
            let channel = channels[Int(subscription.channel)]
            let member = channel.groups.first { $0.encoding == subscription.encoding }?
                .members[Int(subscription.member)]
            require(
                member.map { Int($0.slot) == slot && Int($0.subscription) == index } ?? false,
                "subscription \(index) is not the member it names")
        }
        return faults
    }

    /// What is left to do though all loops have come to rest.
    package func restFaults() -> [String] {
        var faults: [String] = []
        func require(_ holds: Bool, _ fault: @autoclosure () -> String) {
            if !holds { faults.append("loop \(index) at rest: \(fault())") }
        }
        require(output.isEmpty && output.runs.isEmpty, "\(output.runs.count) runs")
        require(batch.overfull.isEmpty, "\(batch.overfull.count) connections are left over a limit")
        require(continuing.isEmpty, "\(continuing) are to be taken up")
        require(unsent.isEmpty, "\(unsent.count) recalls wait to be sent")
        require(shared.mailboxes[index].isEmpty && mail.isEmpty, "letters wait")
        require(batch.channel < 0 && batch.messages.isEmpty, "a batch is not out")
        require(!answersPolls, "polls are to be answered")
        require(freedThisTurn.isEmpty && freedAtRim.isEmpty, "freed slots are not given back")
        require(position == shared.ring.published, "read to \(position)")
        for slot in connections.indices {
            guard let lag = connections[slot].lag else { continue }
            // One that lingers has its lag until it is gone; nothing waits in it.
            if case .lingering = connections[slot].activity, lag.isEmpty { continue }
            require(lag.isBlocked, "slot \(slot), which takes what it is sent, lags")
        }
        return faults
    }

    /// What is kept though everybody is gone and every history has expired.
    package func emptyFaults() -> [String] {
        var faults = restFaults()
        func require(_ holds: Bool, _ fault: @autoclosure () -> String) {
            if !holds { faults.append("loop \(index), empty: \(fault())") }
        }
        require(connectionCount == 0, "\(connectionCount) connections")
        require(freeSlots.count == connections.count, "\(freeSlots.count) free slots")
        require(wheel.armed == 0, "\(wheel.armed) deadlines")
        require(channels.count == 0, "\(channels.count) channels")
        let interest = shared.interest
        let called = (0..<interest.bucketCount).count { interest.isFollowed(bucket: $0, on: index) }
        require(called == 0, "is woken for channels of \(called) buckets")
        return faults
    }
}
