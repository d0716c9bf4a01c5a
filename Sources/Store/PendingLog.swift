// What lies between the thread that reads the ring and the one that writes the file. What it is not:
// a queue that holds anyone up; over its bound durable publishes are refused.

package import Ring
internal import Synchronization

/// The durable messages that are not on the disk yet.
///
/// The reader appends and the writer takes all. It also decides whether durable messages are taken
/// at all: not while more than the bound waits, nor while the disk fails.
package final class PendingLog: Sendable {
    /// All that was read since the last time.
    package struct Taken {
        package var messages: [StoredMessage] = []
        /// Everything up to here was read from the ring.
        package var through: UInt64
        package var bytes = 0
        /// Somebody waits for one of the messages.
        package var isUrgent = false
        /// Nothing comes after it.
        package var isLast = false
    }

    private struct State {
        var waiting: Taken
        /// When the first of what waits came, monotonic milliseconds.
        var since: UInt64 = 0
        /// Cost of what waits and of what is being written, bytes.
        var bytesHeld = 0
        var isOverfull = false
        var isFailing = false
        var mark: UInt64
    }

    private let monitor = Monitor()
    // Touched under the monitor only.
    private nonisolated(unsafe) var state: State
    private let progress: DurableProgress
    private let limits: StoreLimits
    /// Slots of the ring: a writer may be so far ahead of the reader.
    private let slots: UInt64
    private let readable: Atomic<UInt64>

    /// - Parameters:
    ///   - start: nothing is read up to here.
    ///   - mark: sequences up to here are reserved.
    ///   - slots: the ring's.
    package init(
        start: UInt64, mark: UInt64, slots: Int, progress: DurableProgress, limits: StoreLimits
    ) {
        precondition(
            limits.reservedSequences >= 4 * UInt64(slots),
            "\(limits.reservedSequences) sequences are too few for \(slots) slots")
        state = State(waiting: Taken(through: start), mark: mark)
        self.slots = UInt64(slots)
        self.progress = progress
        self.limits = limits
        readable = Atomic(mark - UInt64(slots))
    }

    // MARK: - For the reader

    /// The ring may be read up to here. A writer claims at most so many slots beyond what was read,
    /// so every sequence that it can give lies within the mark, which is on the disk.
    var readableThrough: UInt64 {
        // Acquiring for good measure; the number itself is all that is used.
        readable.load(ordering: .acquiring)
    }

    /// More was read. Reader's thread.
    ///
    /// - Parameters:
    ///   - messages: the durable ones, rising; emptied.
    ///   - through: all up to here was read.
    ///   - now: monotonic milliseconds.
    func append(
        _ messages: inout [StoredMessage], through: UInt64, isUrgent: Bool, now: UInt64
    ) {
        let bytes = messages.reduce(0) { $0 + $1.message.cost }
        monitor.locked {
            if state.waiting.messages.isEmpty { state.since = now }
            state.waiting.messages.append(contentsOf: messages)
            state.waiting.through = through
            state.waiting.bytes += bytes
            state.waiting.isUrgent = state.waiting.isUrgent || isUrgent
            state.bytesHeld += bytes
            if state.bytesHeld > limits.pendingBytesMax, !state.isOverfull {
                state.isOverfull = true
                decide()
            }
            if !messages.isEmpty || needsMark { monitor.signal() }
        }
        messages.removeAll(keepingCapacity: true)
    }

    /// All was read that there will ever be. Reader's thread.
    func end(through: UInt64) {
        monitor.locked {
            state.waiting.through = through
            state.waiting.isLast = true
            monitor.signal()
        }
    }

    // MARK: - For the writer

    /// Waits until something must be written, or until `deadline`, monotonic milliseconds.
    func wait(until deadline: UInt64) {
        monitor.locked {
            while !isDue {
                var until = deadline
                if !state.waiting.messages.isEmpty {
                    until = min(until, state.since + limits.intervalMilliseconds)
                }
                if monotonicMilliseconds() >= until { return }
                monitor.wait(until: until)
            }
        }
    }

    /// Takes all that waits.
    func take() -> Taken {
        monitor.locked {
            let taken = state.waiting
            state.waiting = Taken(through: taken.through)
            return taken
        }
    }

    /// So many bytes that were taken are held no more: written, or given up.
    func release(bytes: Int) {
        monitor.locked {
            state.bytesHeld -= bytes
            // Not at the bound itself, or it would be crossed with every message.
            guard state.isOverfull, state.bytesHeld <= limits.pendingBytesMax / 2 else { return }
            state.isOverfull = false
            decide()
        }
    }

    /// The disk fails, or takes what it is given again.
    func setFailing(_ isFailing: Bool) {
        monitor.locked {
            state.isFailing = isFailing
            decide()
        }
    }

    /// Sequences up to `mark` are reserved, on the disk.
    func setMark(_ mark: UInt64) {
        monitor.locked { state.mark = mark }
        readable.store(mark - slots, ordering: .releasing)  // pairs with `readableThrough`
    }

    /// Whether the reservation is to be renewed.
    func wantsMark(_ through: UInt64, _ mark: UInt64) -> Bool {
        mark - through < limits.reservedSequences / 2
    }

    /// Whether ``wait(until:)`` would return at once, its deadlines aside. For tests.
    var isDueForTest: Bool { monitor.locked { isDue } }

    // MARK: - Under the lock

    private var isDue: Bool {
        let waiting = state.waiting
        if waiting.isUrgent || waiting.isLast { return true }
        // While the disk fails, what comes is given up at once, and the rest waits for the next try.
        if state.isFailing { return !waiting.messages.isEmpty }
        return needsMark
    }

    private var needsMark: Bool { wantsMark(state.waiting.through, state.mark) }

    /// Under the lock, since both threads come to it.
    private func decide() { progress.accept(!state.isOverfull && !state.isFailing) }
}
