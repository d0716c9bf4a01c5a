// Until when messages of namespaces with a batch window may stay in the ring. What it is not: a
// queue; the ring is read in its order, and whole.

/// One loop's look ahead at what it has not read yet. A value; time is an argument.
struct BatchWindow {
    /// What nobody of this loop follows may stay in the ring for so long, milliseconds: its history
    /// is written then.
    static let unfollowedMilliseconds: UInt64 = 100

    /// Messages up to here were looked at.
    private(set) var seen: UInt64
    /// Monotonic milliseconds at which one of those that are not read is due; nil when none is
    /// waiting.
    private(set) var due: UInt64?

    init(position: UInt64) { seen = position }

    /// Takes in that the next message may wait for so long from now on, milliseconds.
    mutating func look(now: UInt64, mayWait milliseconds: UInt64) {
        seen += 1
        due = min(due ?? .max, now + milliseconds)
    }

    /// The ring was read up to `position`.
    mutating func read(to position: UInt64) {
        guard position >= seen else { return }
        seen = position
        due = nil
    }
}
