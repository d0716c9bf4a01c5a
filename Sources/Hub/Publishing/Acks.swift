// Answers to publishers that wait for the disk. What it is not: the answers themselves; an HTTP
// exchange keeps its own, a command's is made when it is due.

/// One answer that waits.
struct Ack {
    enum Kind {
        /// The exchange's ``HTTPExchange/awaits`` holds what to say.
        case request
        /// A `publish` command, with its `ref`.
        case command([UInt8]?)
    }

    let peer: Peer
    let kind: Kind
    /// Due once everything up to here is settled.
    let sequence: UInt64
    /// Due, whatever the disk says, at this monotonic millisecond.
    let deadlineMilliseconds: UInt64
}

/// The waiting answers of one loop, in the order of asking.
///
/// Only the first is ever looked at. That is the order of sequences, but for repeats of another
/// loop's publish, which may wait behind an answer that waits a little longer.
struct Acks {
    private var entries: [Ack] = []
    /// Entries before this index are gone; compacted when they are half of the array.
    private var head = 0

    var count: Int { entries.count - head }
    var first: Ack? { head < entries.count ? entries[head] : nil }

    mutating func append(_ ack: Ack) { entries.append(ack) }

    mutating func removeFirst() {
        head += 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: head < 1_024)
            head = 0
        } else if head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// Whether the first answer is due.
    func isDue(settled: UInt64, nowMilliseconds now: UInt64) -> Bool {
        guard let first else { return false }
        return first.sequence <= settled || first.deadlineMilliseconds <= now
    }
}
