// What one transaction writes.

package import Ring

/// What is to be written together.
package struct StoreChanges {
    /// In the order of their sequences; of durable namespaces only.
    package var messages: [StoredMessage] = []
    /// Sequences up to here are to be reserved.
    package var mark: UInt64?
    /// This life ends, and ``mark`` is its last sequence.
    package var isLast = false
    /// By channel: the highest sequence that could not be written before.
    package var lost: [ChannelName: (namespace: UInt8, sequence: UInt64)] = [:]
    /// Delete what has expired.
    package var sweeps = false

    package init() {}

    /// Whether there is anything to write.
    package var isEmpty: Bool {
        messages.isEmpty && mark == nil && !isLast && lost.isEmpty && !sweeps
    }
}

/// What became of the changes that are on the disk now.
package struct StoreOutcome: Equatable {
    /// Sequences of messages that found no room among the channels, rising; not written.
    package var refused: [UInt64] = []
    /// A sweep left something for the next.
    package var hasMoreToSweep = false
}

extension HistoryDatabase {
    /// Writes all of it in one transaction, trims what the channels concerned may not keep, and
    /// returns when that is on the disk. After a throw nothing is changed.
    package func write(_ changes: StoreChanges, nowUnixMilliseconds now: UInt64)
        throws(SQLiteError) -> StoreOutcome
    {
        var outcome = StoreOutcome()
        try transaction { () throws(SQLiteError) in
            // Before the messages, which all came later: where the newest is all, it makes up for them.
            for (name, lost) in changes.lost { try remember(lost, of: name, now) }
            var overfull: [UInt64: StoredMessage] = [:]
            for stored in changes.messages where !(try add(stored, &overfull)) {
                outcome.refused.append(stored.sequence)
            }
            for (id, last) in overfull { try trim(id, last.message, now) }
            if changes.sweeps { outcome.hasMoreToSweep = try sweep(now) }
            try updateRows()
            if changes.mark != nil || changes.isLast {
                let mark = changes.mark ?? mark
                try statements.changeLog.bind(1, mark).bind(2, changes.isLast ? 1 : 0).run()
            }
        }
        if let mark = changes.mark { self.mark = mark }
        return outcome
    }

    /// What could not be written is missing from now on.
    private func remember(
        _ lost: (namespace: UInt8, sequence: UInt64), of name: ChannelName, _ now: UInt64
    ) throws(SQLiteError) {
        guard let id = try channel(name, lost.namespace) else {
            return try raiseFloor(Int(lost.namespace), to: lost.sequence)
        }
        try change(id) { book in
            book.forgotten = max(book.forgotten, lost.sequence)
            if book.count == 0, book.emptied == nil { book.emptied = now }
            book.isStale = true
        }
    }

    /// - Returns: false when there is no room for its channel.
    private func add(_ stored: StoredMessage, _ overfull: inout [UInt64: StoredMessage])
        throws(SQLiteError) -> Bool
    {
        let message = stored.message
        let namespace = namespaces[Int(message.namespace)]
        guard let id = try channel(message.channel, message.namespace) else {
            try raiseFloor(Int(message.namespace), to: stored.sequence)
            return false
        }
        // The book first: one that has to be read must not count the new row already.
        try change(id) { book in
            book.count += 1
            book.bytes += message.cost
            if book.emptied != nil {
                book.emptied = nil
                book.isStale = true
            }
            if namespace.isLastOnly, book.forgotten != 0 {
                book.forgotten = 0
                book.isStale = true
            }
        }
        if books[id]!.count > namespace.messagesMax || books[id]!.bytes > namespace.bytesMax {
            overfull[id] = stored
        }
        statements.add
            .bind(1, stored.sequence).bind(2, id).bind(3, Int(message.kind.rawValue))
            .bind(4, message.timeMilliseconds).bind(5, Int(message.timeToLiveMilliseconds))
            .bind(6, namespace.expiry(of: message)).bind(7, message.cost)
            .bind(8, message.event).bind(9, message.payload)
        try statements.add.run()
        return true
    }

    /// Drops a channel's oldest messages until it is within its bounds, once a transaction.
    private func trim(_ id: UInt64, _ last: Message, _ now: UInt64) throws(SQLiteError) {
        let namespace = namespaces[Int(last.namespace)]
        var book = books[id]!
        var cut: UInt64 = 0
        let oldest = statements.oldest.bind(1, id)
        while book.count > namespace.messagesMax || book.bytes > namespace.bytesMax {
            guard try oldest.step() else { throw .corrupt("messages that are counted are gone") }
            cut = oldest.number(0)
            book.bytes -= oldest.integer(1)
            book.count -= 1
            let isMissed = isMissed(time: oldest.number(2), lifetime: oldest.number(3), now)
            if isMissed, !namespace.isLastOnly { book.forgotten = max(book.forgotten, cut) }
        }
        oldest.reset()
        try statements.dropThrough.bind(1, id).bind(2, cut).run()
        if book.count == 0 {
            // The newest was too large by itself: nothing has taken its place.
            book.forgotten = max(book.forgotten, cut)
            book.emptied = last.timeMilliseconds
        }
        book.isStale = true
        books[id] = book
    }

    /// Brings the rows of all channels that were changed up to date.
    private func updateRows() throws(SQLiteError) {
        for id in touched where books[id]!.isStale {
            let book = books[id]!
            try statements.changeChannel.bind(1, id).bind(2, book.forgotten).bind(3, book.emptied)
                .run()
            books[id]!.isStale = false
        }
    }

    // MARK: - Age

    /// Deletes what has expired, and channels that have been empty for long; a bounded number of
    /// each.
    ///
    /// - Returns: whether there is more.
    private func sweep(_ now: UInt64) throws(SQLiteError) -> Bool {
        struct Row { var sequence, channel: UInt64, cost: Int, time, lifetime: UInt64 }
        var expired: [Row] = []
        let rows = statements.expired.bind(1, now).bind(2, limits.sweepRowsMax)
        while try rows.step() {
            expired.append(
                Row(
                    sequence: rows.number(0), channel: rows.number(1), cost: rows.integer(2),
                    time: rows.number(3), lifetime: rows.number(4)))
        }
        for row in expired {
            // The book first, as in `add`.
            try change(row.channel) { book in
                book.count -= 1
                book.bytes -= row.cost
                if isMissed(time: row.time, lifetime: row.lifetime, now) {
                    book.forgotten = max(book.forgotten, row.sequence)
                }
                if book.count == 0 { book.emptied = row.time }
                book.isStale = true
            }
            try statements.drop.bind(1, row.sequence).run()
        }
        let dropped = try dropEmptied(now)
        return expired.count == limits.sweepRowsMax || dropped == limits.sweepRowsMax
    }

    /// Forgets channels that have been empty for long, or at all when there are many. What they have
    /// lost is from then on said of all channels of their namespace that have no row.
    private func dropEmptied(_ now: UInt64) throws(SQLiteError) -> Int {
        let memory = channelCount > limits.channelsMax / 2 ? 0 : limits.channelMemoryMilliseconds
        var found: [(id: UInt64, name: [UInt8], forgotten: UInt64)] = []
        let rows = statements.emptiedChannels
            .bind(1, now > memory ? now - memory : 0).bind(2, limits.sweepRowsMax)
        // A row that this transaction has yet to bring up to date may be empty no more.
        while try rows.step() {
            let id = rows.number(0)
            if !touched.contains(id) { found.append((id, rows.bytes(1), rows.number(2))) }
        }
        for row in found {
            try statements.dropChannel.bind(1, row.id).run()
            try raiseFloor(Int(namespaceOf(row.name)), to: row.forgotten)
            books[row.id] = nil
            channelCount -= 1
        }
        // Their names may still be known by an id that is gone.
        if !found.isEmpty { ids.removeAll(keepingCapacity: true) }
        return found.count
    }

    private func raiseFloor(_ namespace: Int, to sequence: UInt64) throws(SQLiteError) {
        guard sequence > floors[namespace] else { return }
        floors[namespace] = sequence
        try statements.changeFloor.bind(1, namespaces[namespace].name).bind(2, sequence).run()
    }
}

/// Whether a message that goes is missing to those who come back: not if its own time is up.
func isMissed(time: UInt64, lifetime: UInt64, _ now: UInt64) -> Bool {
    lifetime == 0 || time + lifetime >= now
}

extension StoredNamespace {
    /// After this time a message is kept no longer, milliseconds of Unix time.
    func expiry(of message: Message) -> UInt64 {
        let own = UInt64(message.timeToLiveMilliseconds)
        let kept = own == 0 ? millisecondsMax : min(own, millisecondsMax)
        return message.timeMilliseconds.addingReportingOverflow(kept).overflow
            ? UInt64(Int64.max) : message.timeMilliseconds + kept
    }
}
