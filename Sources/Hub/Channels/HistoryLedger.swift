// What the histories of one loop hold together, and in which order it came.

internal import Ring

/// The books of a loop's histories. It keeps no message: a queue of names of messages, oldest first,
/// in which those stand, too, that have gone meanwhile.
struct HistoryLedger {
    struct Entry {
        /// Index into the channel table; by the time it is used another channel may have it.
        let channel: Int32
        let sequence: UInt64
    }

    /// The cost of all that is kept, bytes.
    private(set) var bytes = 0
    /// Messages that are kept.
    private(set) var count = 0
    private var order: [Entry] = []
    private var head = 0
    /// Entries are in the order of their sequences.
    private var isSorted = true
    /// Entries that may be of no more use, beside as many as are.
    private static let spareMax = 1_024

    /// Whether so many entries are of no more use that ``compact(_:)`` pays.
    var isWasteful: Bool { order.count - head > 2 * count + HistoryLedger.spareMax }
    /// Entries that it holds, of use or not.
    var entryCount: Int { order.count - head }

    mutating func add(bytes: Int, count: Int) {
        self.bytes += bytes
        self.count += count
    }

    /// Notes a message that is kept.
    mutating func note(_ sequence: UInt64, in channel: Int) {
        if let last = order.last, last.sequence > sequence { isSorted = false }
        order.append(Entry(channel: Int32(truncatingIfNeeded: channel), sequence: sequence))
    }

    /// Takes out the oldest entry.
    mutating func popOldest() -> Entry? {
        if !isSorted { sort() }
        guard head < order.count else { return nil }
        let oldest = order[head]
        head += 1
        if head * 2 >= order.count {
            order.removeFirst(head)
            head = 0
        }
        return oldest
    }

    /// Only a restored past comes in another order than that of its sequences.
    private mutating func sort() {
        order.removeFirst(head)
        head = 0
        order.sort { $0.sequence < $1.sequence }
        isSorted = true
    }

    /// Keeps the entries that `isKept` says are of use.
    mutating func compact(_ isKept: (Entry) -> Bool) {
        order = order[head...].filter(isKept)
        head = 0
    }
}
