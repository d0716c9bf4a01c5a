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

/// A channel's last messages, bounded by count, age and bytes, oldest first.
struct History {
    private var entries: [Logged] = []
    /// Entries before this index were dropped; compacted when they are half of the array.
    private var head = 0
    private(set) var bytes = 0
    /// The highest sequence of this channel that is no longer kept; 0 when nothing was dropped.
    private(set) var forgotten: UInt64
    /// When the last message was published.
    private(set) var lastUnixMilliseconds: UInt64 = 0

    /// - Parameter forgotten: what the shard forgot before this channel had an entry.
    init(forgotten: UInt64) { self.forgotten = forgotten }

    var count: Int { entries.count - head }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ logged: Logged, _ namespace: Namespace, nowUnixMilliseconds now: UInt64)
    {
        entries.append(logged)
        lastUnixMilliseconds = logged.message.timeMilliseconds
        bytes += logged.message.cost
        while count > namespace.historyMessagesMax || bytes > namespace.historyBytesMax {
            dropOldest()
        }
        expire(namespace, nowUnixMilliseconds: now)
    }

    /// Drops what is older than the history's age.
    mutating func expire(_ namespace: Namespace, nowUnixMilliseconds now: UInt64) {
        while head < entries.count {
            let message = entries[head].message
            guard message.timeMilliseconds + namespace.historyMillisecondsMax < now else {
                return
            }
            dropOldest()
        }
    }

    private mutating func dropOldest() {
        let oldest = entries[head]
        forgotten = oldest.sequence
        bytes -= oldest.message.cost
        head += 1
        // Shifting half of the array for each half dropped keeps the drop at amortised O(1); the
        // slice that waits for it is bounded by the history itself.
        if head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// The retained messages with a sequence above `sequence`, oldest first, `limit` at most.
    func after(_ sequence: UInt64, limit: Int) -> [Logged] {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return Array(entries[low...].prefix(limit))
    }
}
