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
        let before = held(channel)
        channels[channel].history!.append(
            logged, settings.namespaces[channels[channel].namespace],
            nowUnixMilliseconds: now.unixMilliseconds)
        book(channel, since: before)
        ledger.note(logged.sequence, in: channel)
    }

    private func held(_ channel: Int) -> (bytes: Int, count: Int) {
        (channels[channel].history!.bytes, channels[channel].history!.count)
    }

    /// Books what a channel's history holds more, or less, than before.
    private mutating func book(_ channel: Int, since before: (bytes: Int, count: Int)) {
        let after = held(channel)
        guard after != before else { return }
        ledger.add(bytes: after.bytes - before.bytes, count: after.count - before.count)
        tally(.historyBytes, after.bytes - before.bytes)
    }

    /// Drops the oldest messages of all channels that live here until no more than `bytesMax` are
    /// held.
    mutating func evictHistory(toBytes bytesMax: Int) {
        var evicted = 0
        while ledger.bytes > bytesMax, let oldest = ledger.popOldest() {
            let channel = Int(oldest.channel)
            guard channels.isInUse(channel), channels[channel].history != nil else { continue }
            let before = held(channel)
            // What came before it has gone already, so if it is still kept it is the first.
            guard
                channels[channel].history!.evict(
                    oldest.sequence, nowUnixMilliseconds: now.unixMilliseconds)
            else { continue }
            book(channel, since: before)
            evicted += 1
        }
        if evicted > 0 { tally(.historyEvicted, evicted) }
    }

    mutating func compactLedger() {
        var books = HistoryLedger()
        swap(&books, &ledger)
        books.compact { entry in
            let channel = Int(entry.channel)
            guard channels.isInUse(channel) else { return false }
            // Not by the table's subscript, which allocates in a closure; there may be thousands.
            return channels.entries[channel].history?.contains(entry.sequence) ?? false
        }
        swap(&books, &ledger)
    }

    /// Drops what a channel's history keeps beyond its age.
    mutating func ageHistory(_ channel: Int) {
        let before = held(channel)
        channels[channel].history!.expire(
            settings.namespaces[channels[channel].namespace],
            nowUnixMilliseconds: now.unixMilliseconds)
        channels[channel].history!.dropExpired(nowUnixMilliseconds: now.unixMilliseconds)
        book(channel, since: before)
    }
}
