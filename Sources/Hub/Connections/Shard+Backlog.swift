// What waits for slow connections: how much of it may, one by one and together, and what becomes of
// the rest.

internal import Ring

extension Shard {
    /// This loop's share of ``Limits/backlogBytesTotalMax``, bytes.
    var backlogShare: Int { limits.backlogBytesTotalMax / settings.loops }

    /// Puts a batch into the lag of one who can't take it now.
    mutating func holdBatch(_ slot: Int, _ encoding: Encoding) {
        guard let lag = connections[slot].lag, lag.verdict == .none else { return }
        let policy = Lag.Standing(
            settings.namespaces[batch.messages[0].message.namespace].slowPolicy)
        var superseded = 0
        for logged in batch.messages {
            let isNotice = logged.message.kind.isNotice
            // Raw frames have none.
            if isNotice, encoding.form == .rawFrame { continue }
            // No later one makes good for it; but who is told of a gap asks who is there.
            let standing = isNotice && policy == .latest ? .droppable : policy
            let hasReplaced = lag.append(
                logged, encoding, standing, now: now.monotonicMilliseconds)
            if hasReplaced { superseded += 1 }
        }
        if superseded > 0 { tally(.slowSuperseded, superseded) }
        boundBacklog(slot, lag)
    }

    /// Holds a connection to the age and bytes that may wait for it, and the loop to its share.
    ///
    /// Closes nobody: ``closeOverfull()`` is due, once the ring is not being read.
    mutating func boundBacklog(_ slot: Int, _ lag: Lag) {
        guard lag.verdict == .none else { return }
        var (dropped, isOverdue) = (0, false)
        // While a past is on its way it is the gateway that keeps the client waiting.
        if lag.recalls == 0 {
            (dropped, isOverdue) = lag.shedOverdue(
                now: now.monotonicMilliseconds, millisecondsMax: limits.backlogMillisecondsMax)
        }
        // What the rim keeps may be the answer to a question: it does not make a client slow by
        // itself, so half of the room is left whatever it is.
        let room = limits.backlogBytesMax - min(lag.rimBytes, limits.backlogBytesMax / 2)
        // One message may always wait, however large: a message has a limit of its own.
        if lag.bytes > room, lag.count > 1 { dropped += lag.shed(toBytes: room) }
        if dropped > 0 { tally(.slowDropped, dropped) }
        if isOverdue || lag.bytes > room && lag.count > 1 { condemn(slot, lag, .slow) }
        if backlog.bytes > backlogShare { relieveBacklog() }
    }

    /// Makes room in the loop's share: those for whom most waits lose half of it, or are let go.
    ///
    /// An eighth of the share is made free at once, so that going through all who lag is paid for
    /// by as much that had to come in.
    mutating func relieveBacklog() {
        let bytesMax = backlogShare - backlogShare / 8
        var worst: [(slot: Int, bytes: Int)] = []
        for slot in lagging.indices where lagging[slot] {
            guard let lag = connections[slot].lag, lag.verdict != .overTotal else { continue }
            let bytes = lag.bytes + lag.rimBytes
            if bytes > 0 { worst.append((slot, bytes)) }
        }
        worst.sort { $0.bytes > $1.bytes }
        for (slot, bytes) in worst {
            guard backlog.bytes > bytesMax, let lag = connections[slot].lag else { return }
            let dropped = lag.shed(toBytes: max(0, bytes / 2 - lag.rimBytes))
            if dropped > 0 { tally(.slowDropped, dropped) }
            if lag.bytes + lag.rimBytes > bytes / 2 { condemn(slot, lag, .overTotal) }
        }
    }

    /// Nothing more is kept for this connection; it goes with the next ``closeOverfull()``.
    private mutating func condemn(_ slot: Int, _ lag: Lag, _ verdict: Lag.Verdict) {
        lag.removeAll()
        lag.verdict = verdict
        // What the rim keeps goes with the connection.
        if verdict == .overTotal { lag.rimBytes = 0 }
        batch.overfull.append(slot)
    }

    /// Closes those who are over a limit. Not while the ring is being read: what a component asks
    /// for when its peer goes may need the reader.
    mutating func closeOverfull() {
        guard !batch.overfull.isEmpty else { return }
        let overfull = batch.overfull
        batch.overfull.removeAll(keepingCapacity: true)
        for slot in overfull {
            // Gone by now, perhaps: another's end may have led to it.
            guard let lag = connections[slot].lag else { continue }
            switch lag.verdict {
            case .none: break
            case .slow:
                lag.verdict = .none
                closeSlow(slot)
            case .overTotal:
                // A close frame would wait behind what it is to make room for.
                tally(.slowClosed)
                free(slot, reason: .slow)
            }
        }
    }
}
