// Points in time on the monotonic clock, in milliseconds, and waiting for one.

private import Glibc

/// Milliseconds on a clock that nobody sets back.
package func monotonicMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}

/// What `poll` wants: milliseconds from now to `deadline`, 0 when it has passed, -1 for ever.
func pollTimeout(until deadline: UInt64?) -> Int32 {
    guard let deadline else { return -1 }
    let now = monotonicMilliseconds()
    return now >= deadline ? 0 : Int32(clamping: deadline - now)
}

/// The earlier of two points in time, of which the first may be never.
func earlier(_ a: UInt64?, _ b: UInt64) -> UInt64 { min(a ?? .max, b) }

/// Waits `milliseconds`, but not beyond `deadline`.
///
/// - Returns: whether there is time left.
func pause(_ milliseconds: UInt64, until deadline: UInt64?) -> Bool {
    let end = earlier(deadline, monotonicMilliseconds() + milliseconds)
    while true {
        let timeout = pollTimeout(until: end)
        if timeout == 0 { break }
        _ = poll(nil, 0, timeout)
    }
    guard let deadline else { return true }
    return monotonicMilliseconds() < deadline
}
