// Keeping messages on their channel's home loop, within the loop's share of memory.

internal import Ring

extension Shard {
    /// This loop's share of ``Limits/historyBytesTotalMax``, bytes.
    var historyShare: Int { limits.historyBytesTotalMax / settings.loops }

    /// Keeps a message that was published.
    ///
    /// - Parameter channel: index of its channel; −1 when there is no entry for it.
    mutating func keep(_ sequence: UInt64, _ message: Message, _ channel: Int) {
        guard channel >= 0, settings.namespaces[message.namespace].keepsHistory else {
            forgotten[Int(message.namespace)] = sequence
            return
        }
        if channels[channel].history == nil {
            channels[channel].history = History(forgotten: forgotten[Int(message.namespace)])
        }
        enter(Logged(sequence: sequence, message: message), channel)
        if ledger.bytes > historyShare { evictHistory(toBytes: historyShare) }
        if ledger.isWasteful { compactLedger() }
    }

    /// Puts a message into a channel's history; the loop's share is not looked at.
    mutating func enter(_ logged: Logged, _ channel: Int) {
        let namespace = settings.namespaces[channels[channel].namespace]
        let now = now.unixMilliseconds
        changeHistory(channel) { $0.append(logged, namespace, nowUnixMilliseconds: now) }
        ledger.note(logged.sequence, in: channel)
    }

    /// Changes a channel's history, and the books with it.
    mutating func changeHistory<Result>(
        _ channel: Int, _ change: (inout History) -> Result
    ) -> Result {
        let bytes = channels[channel].history!.bytes
        let count = channels[channel].history!.count
        let result = change(&channels[channel].history!)
        let grown = channels[channel].history!.bytes - bytes
        ledger.add(bytes: grown, count: channels[channel].history!.count - count)
        if grown != 0 { tally(.historyBytes, grown) }
        return result
    }

    /// Drops the oldest messages of all channels that live here until no more than `bytesMax` are
    /// held.
    mutating func evictHistory(toBytes bytesMax: Int) {
        var evicted = 0
        let now = now.unixMilliseconds
        while ledger.bytes > bytesMax, let oldest = ledger.popOldest() {
            let channel = Int(oldest.channel)
            guard channels.isInUse(channel), channels[channel].history != nil else { continue }
            // What came before it has gone already, so if it is still kept it is the first.
            let isGone = changeHistory(channel) {
                $0.evict(oldest.sequence, nowUnixMilliseconds: now)
            }
            if isGone { evicted += 1 }
        }
        if evicted > 0 { tally(.historyEvicted, evicted) }
    }

    mutating func compactLedger() {
        var books = HistoryLedger()
        swap(&books, &ledger)
        books.compact { entry in
            let channel = Int(entry.channel)
            guard channels.isInUse(channel) else { return false }
            return channels[channel].history?.contains(entry.sequence) ?? false
        }
        swap(&books, &ledger)
    }

    /// Drops what a channel's history keeps beyond its age.
    mutating func ageHistory(_ channel: Int) {
        let namespace = settings.namespaces[channels[channel].namespace]
        let now = now.unixMilliseconds
        changeHistory(channel) {
            $0.expire(namespace, nowUnixMilliseconds: now)
            $0.dropExpired(nowUnixMilliseconds: now)
        }
    }
}
