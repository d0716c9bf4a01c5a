// Time is an argument: nothing in this module reads a clock.

/// One moment, on two clocks.
package struct Instant: Sendable, Equatable {
    /// Milliseconds since some fixed moment; never goes back. Deadlines are counted on it.
    package var monotonicMilliseconds: UInt64
    /// Milliseconds since 1970-01-01 UTC. Messages are stamped with it.
    package var unixMilliseconds: UInt64

    package init(monotonicMilliseconds: UInt64, unixMilliseconds: UInt64) {
        self.monotonicMilliseconds = monotonicMilliseconds
        self.unixMilliseconds = unixMilliseconds
    }
}

/// A small generator for jitter (xorshift64*). Not for secrets.
struct Jitter {
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    /// A value in `0..<bound`; 0 when `bound` is 0.
    mutating func next(below bound: UInt64) -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        let word = state &* 0x2545_F491_4F6C_DD1D
        return bound == 0 ? 0 : word % bound
    }
}
