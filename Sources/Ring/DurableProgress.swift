// How far the durable history has come, told by the one thread that writes it to all loops. What
// it is not: the history.

import Synchronization

/// Written by the store's thread; read by any.
///
/// A sequence is settled when its message is on the disk, or needed not be, or could not be put
/// there. Publishers of durable messages are answered then.
package final class DurableProgress: Sendable {
    private let through: Atomic<UInt64>
    private let accepting = Atomic(true)
    /// Ranges that could not be written, ascending. Few: neighbours are joined, and only the last
    /// ``rangesMax`` are kept.
    private let failures = Mutex<[ClosedRange<UInt64>]>([])
    private let hasFailed = Atomic(false)
    private static let rangesMax = 1_024

    /// - Parameter start: everything up to this sequence is settled already.
    package init(start: UInt64 = 0) { through = Atomic(start) }

    /// Everything up to this sequence is settled. Any thread.
    package var settled: UInt64 {
        // Acquiring: pairs with the releasing store in `settle`: a failure is seen before the
        // sequences that it is about count as settled.
        through.load(ordering: .acquiring)
    }

    /// Whether durable messages are taken at present; publishing one is refused otherwise. Any
    /// thread.
    package var isAccepting: Bool { accepting.load(ordering: .relaxed) }

    /// Whether a settled message could not be written. Any thread.
    package func hasFailed(_ sequence: UInt64) -> Bool {
        guard hasFailed.load(ordering: .relaxed) else { return false }
        return failures.withLock { ranges in ranges.contains { $0.contains(sequence) } }
    }

    /// Everything up to `sequence` is settled; what has failed of it was told before. Store's
    /// thread; the caller wakes the loops.
    package func settle(through sequence: UInt64) {
        through.store(sequence, ordering: .releasing)
    }

    /// These could not be written. Store's thread, before they are settled.
    package func fail(_ range: ClosedRange<UInt64>) {
        failures.withLock { ranges in
            if let last = ranges.last, last.upperBound + 1 >= range.lowerBound {
                ranges[ranges.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
            if ranges.count > Self.rangesMax { ranges.removeFirst() }
        }
        hasFailed.store(true, ordering: .relaxed)
    }

    /// Takes durable messages, or refuses them: too many wait, or the disk does not take them.
    /// Store's thread.
    package func accept(_ accepts: Bool) { accepting.store(accepts, ordering: .relaxed) }
}
