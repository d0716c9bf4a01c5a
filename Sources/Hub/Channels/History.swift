// What a channel keeps, on the loop that is its home.

package import Ring

/// One message with its place in the log.
package struct Logged: Sendable {
    package let sequence: UInt64
    package let message: Message

    package init(sequence: UInt64, message: Message) {
        self.sequence = sequence
        self.message = message
    }
}

extension Message {
    /// Whether its own time is up: who comes now is not to see it, and misses nothing.
    ///
    /// - Parameter now: milliseconds of Unix time.
    func isExpired(at now: UInt64) -> Bool {
        lastUnixMilliseconds < now
    }

    /// Milliseconds of Unix time up to which it may be seen.
    fileprivate var lastUnixMilliseconds: UInt64 {
        timeToLiveMilliseconds == 0 ? .max : timeMilliseconds + UInt64(timeToLiveMilliseconds)
    }
}

/// A channel's last messages, bounded by count, age and bytes, oldest first; or its newest alone.
struct History {
    private var entries: [Logged] = []
    /// Entries before this index were dropped; compacted when they are half of the array.
    private var head = 0
    private(set) var bytes = 0
    /// The highest sequence of this channel that is no longer kept, though nothing has taken its
    /// place and its own time was not up; 0 when there is none.
    private(set) var forgotten: UInt64
    /// When the last message was published.
    private(set) var lastUnixMilliseconds: UInt64 = 0
    /// Milliseconds of Unix time up to which the own time of none that is kept is up.
    private var noneExpiredUntil = UInt64.max

    /// - Parameter forgotten: what the shard forgot before this channel had an entry.
    init(forgotten: UInt64) { self.forgotten = forgotten }

    var count: Int { entries.count - head }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ logged: Logged, _ namespace: Namespace, nowUnixMilliseconds now: UInt64)
    {
        lastUnixMilliseconds = logged.message.timeMilliseconds
        if namespace.history == .last { supersede() }
        entries.append(logged)
        bytes += logged.message.cost
        noneExpiredUntil = min(noneExpiredUntil, logged.message.lastUnixMilliseconds)
        expire(namespace, nowUnixMilliseconds: now)
        while count > namespace.historyMessagesMax || bytes > namespace.historyBytesMax {
            dropOldest(at: now)
        }
    }

    /// A newer message is coming that is all there is to know.
    private mutating func supersede() {
        entries.removeAll(keepingCapacity: true)
        head = 0
        bytes = 0
        noneExpiredUntil = .max
        forgotten = 0
    }

    /// Something up to here is missing that never was in this history.
    mutating func remember(forgotten sequence: UInt64, lastUnixMilliseconds last: UInt64) {
        forgotten = max(forgotten, sequence)
        lastUnixMilliseconds = max(lastUnixMilliseconds, last)
    }

    /// Drops what is older than the history's age, and older than its own up to the first that is
    /// not.
    mutating func expire(_ namespace: Namespace, nowUnixMilliseconds now: UInt64) {
        while head < entries.count {
            let message = entries[head].message
            let age = now > message.timeMilliseconds ? now - message.timeMilliseconds : 0
            guard age > namespace.historyMillisecondsMax || message.isExpired(at: now) else {
                return
            }
            dropOldest(at: now)
        }
    }

    /// Drops every message whose own time is up: a walk through all that is kept.
    mutating func dropExpired(nowUnixMilliseconds now: UInt64) {
        guard noneExpiredUntil < now else { return }
        entries = entries[head...].filter { !$0.message.isExpired(at: now) }
        head = 0
        bytes = entries.reduce(0) { $0 + $1.message.cost }
        noneExpiredUntil = entries.reduce(.max) { min($0, $1.message.lastUnixMilliseconds) }
    }

    /// Drops the oldest message if it is the one with this sequence, to make room for others'.
    ///
    /// - Returns: whether it was.
    mutating func evict(_ sequence: UInt64, nowUnixMilliseconds now: UInt64) -> Bool {
        guard head < entries.count, entries[head].sequence == sequence else { return false }
        dropOldest(at: now)
        return true
    }

    private mutating func dropOldest(at now: UInt64) {
        let oldest = entries[head]
        // What an earlier life has lost may lie above what is restored of it.
        if !oldest.message.isExpired(at: now) { forgotten = max(forgotten, oldest.sequence) }
        bytes -= oldest.message.cost
        head += 1
        // Shifting half of the array for each half dropped keeps the drop at amortised O(1); the
        // slice that waits for it is bounded by the history itself.
        if head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    func contains(_ sequence: UInt64) -> Bool {
        let index = firstIndex(after: sequence - 1)
        return index < entries.count && entries[index].sequence == sequence
    }

    /// The retained messages with a sequence above `sequence`, oldest first, `limit` at most.
    func after(_ sequence: UInt64, limit: Int, nowUnixMilliseconds now: UInt64) -> [Logged] {
        let found = entries[firstIndex(after: sequence)...]
        guard noneExpiredUntil < now else { return Array(found.prefix(limit)) }
        return Array(found.lazy.filter { !$0.message.isExpired(at: now) }.prefix(limit))
    }

    /// Index of the first entry with a sequence above `sequence`.
    private func firstIndex(after sequence: UInt64) -> Int {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
