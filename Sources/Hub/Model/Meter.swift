// A rate limit that costs its holder eight bytes.

/// So many events a second on average, and a second's worth of them at once: a token bucket, kept
/// as the moment at which it will be full again.
package struct Meter: Sendable {
    /// When the bucket is full, nanoseconds of the monotonic clock; past or present: it is.
    private var fullAt: UInt64 = 0

    package init() {}

    /// Counts one event, unless it is one too many.
    ///
    /// - Parameters:
    ///   - perSecond: 1…1,000,000,000; the same at each call.
    ///   - nowMilliseconds: of the monotonic clock.
    /// - Returns: false when as many events as are allowed came within the last second.
    package mutating func admits(perSecond: Int, nowMilliseconds: UInt64) -> Bool {
        precondition((1...1_000_000_000).contains(perSecond), "\(perSecond) a second")
        let now = nowMilliseconds * 1_000_000
        let each = 1_000_000_000 / UInt64(perSecond)
        let next = max(fullAt, now) + each
        // Not a second sharp, which `each`, rounded, may not divide.
        guard next - now <= each * UInt64(perSecond) else { return false }
        fullAt = next
        return true
    }

    /// Nothing is held against the holder any more.
    package func isFull(nowMilliseconds: UInt64) -> Bool { fullAt <= nowMilliseconds * 1_000_000 }
}
