// How long to wait before the next attempt: longer each time, and never in step with others.

/// Delays that double from a first one up to a bound.
package struct Backoff: Sendable {
    /// Milliseconds before the second attempt, at most.
    package var firstMilliseconds: UInt64
    package static let millisecondsMax: UInt64 = 30_000
    private var failures: UInt64 = 0

    package init(firstMilliseconds: UInt64 = 500) { self.firstMilliseconds = firstMilliseconds }

    /// The next delay: between half of the present step and all of it, so that a thousand clients
    /// of one server that restarted do not come back as one.
    ///
    /// - Parameter random: any number, each as likely.
    package mutating func next(random: UInt64) -> UInt64 {
        let doublings = min(failures, 16)
        failures += 1
        let first = min(firstMilliseconds, Self.millisecondsMax)
        let step = min(first << doublings, Self.millisecondsMax)
        return step - random % (step / 2 + 1)
    }

    /// A connection did its work: the next delay is the first one.
    package mutating func reset() { failures = 0 }
}
