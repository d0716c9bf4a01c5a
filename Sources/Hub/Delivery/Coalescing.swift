// When a busy loop delivers what the ring holds. What it is not: a batch window; a loop that keeps
// up never waits.
//
// A write costs its loop some microseconds, however many messages share it. A loop that would spend
// most of its time on writing, were each message written by itself, leaves messages in the ring for
// a time in proportion to what its last writing took: the more subscribers there are, the more
// messages share a write, and writing takes about a quarter of the loop's time.
//
// Where waiting brings no more messages, or such as go to others and share no write, it is left off
// for a while: a publisher that goes on only when its last messages have arrived would be slowed down
// by it.

/// Whether one loop leaves messages in the ring for now, and until when. A value; time is an
/// argument.
struct Coalescing {
    /// Waited for each microsecond that a turn with deliveries took, microseconds.
    static let waitPerTurn: UInt64 = 3
    /// Of a loop's time, in eighths, what writing each message by itself would take at least before
    /// the loop waits.
    static let demandMin: UInt64 = 6
    /// Turns with deliveries without waiting, after waiting that brought nothing; each time that
    /// happens again, twice as many, up to the second.
    static let refrainMin = 2
    static let refrainMax = 128

    /// Monotonic milliseconds; nil while the loop delivers at once.
    private(set) var until: UInt64?
    /// When the last turn with deliveries began, monotonic milliseconds.
    private var lastTurn: UInt64 = 0
    /// Messages that were in the ring when the loop first left some there; 0 before.
    private var first: UInt64 = 0
    /// More messages came while the loop waited, and are not delivered yet.
    private var hasBroughtMore = false
    /// Turns with deliveries to come without waiting.
    private var refrains = 0
    private var refrainNext = Coalescing.refrainMin

    /// Whether it waits, and has taken in that there is something to wait for: how much more comes is
    /// counted when the time is over.
    var hasSeenFirst: Bool { until != nil && first > 0 }

    /// Takes in what a turn has delivered, and decides whether the next one waits.
    ///
    /// - Parameters:
    ///   - deliveries: messages handed to connections, once per subscriber.
    ///   - writes: connections that were written to.
    ///   - microseconds: from the turn's start until all was written.
    ///   - now: monotonic milliseconds at the turn's start.
    ///   - millisecondsMax: to wait, at most; 0: never.
    mutating func delivered(
        _ deliveries: UInt64, writes: UInt64, in microseconds: UInt64, now: UInt64,
        millisecondsMax: UInt64
    ) {
        let since = max(1, now - lastTurn)
        lastTurn = now
        refrains = max(0, refrains - 1)
        if hasBroughtMore {
            hasBroughtMore = false
            // Three messages to two writes, or it was not worth the while.
            if deliveries * 2 < writes * 3 {
                refrain()
            } else {
                refrainNext = Coalescing.refrainMin
            }
        }
        let wait = min(microseconds * Coalescing.waitPerTurn, millisecondsMax * 1_000)
        // Clocks and timers count milliseconds, so that a shorter wait would be a longer one.
        guard refrains == 0, wait >= 1_000 else { return }
        guard deliveries * microseconds * 8 >= writes * since * 1_000 * Coalescing.demandMin
        else { return }
        until = now + (microseconds + wait) / 1_000
        first = 0
    }

    /// Whether the ring is to be read now.
    ///
    /// - Parameters:
    ///   - waiting: messages in the ring.
    ///   - isPressing: it must be read however short the time was.
    mutating func isOver(now: UInt64, waiting: UInt64, isPressing: Bool) -> Bool {
        guard let until else { return true }
        guard isPressing || now >= until else {
            if first == 0 { first = waiting }
            return false
        }
        self.until = nil
        // Who publishes at a rate brings more while the loop waits.
        if waiting > first { hasBroughtMore = first > 0 } else if first > 0 { refrain() }
        return true
    }

    private mutating func refrain() {
        refrains = refrainNext
        refrainNext = min(refrainNext * 2, Coalescing.refrainMax)
    }

    /// Ends the waiting: the ring has been read for another reason.
    mutating func end() { until = nil }
}
