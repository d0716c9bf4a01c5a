// How the threads of one server reach each other's loops.

internal import Loops
internal import Store
internal import Synchronization

/// Shared by the server and its workers.
final class Control: Sendable {
    /// How often one loop has turned. An object each: they are written all the time.
    private final class Turns: Sendable {
        let count = Atomic<UInt64>(0)
    }

    private let wakeUps: [WakeUp]
    private let logBell: LogBell?
    private let turns: [Turns]
    private let stopping = Atomic(false)
    /// Loops that still have connections, or have not been told to stop.
    private let staying: Atomic<Int>
    /// How long stopping may take, milliseconds.
    let drainMilliseconds: UInt64

    /// - Parameter logBell: wakes the reader behind the loops, if there is one.
    init(wakeUps: [WakeUp], drainMilliseconds: UInt64, logBell: LogBell? = nil) {
        self.wakeUps = wakeUps
        self.logBell = logBell
        self.drainMilliseconds = drainMilliseconds
        turns = wakeUps.map { _ in Turns() }
        staying = Atomic(wakeUps.count)
    }

    /// Any thread. The wake-up is kept for a loop that is not waiting yet.
    func wake(_ loop: Int) {
        if loop < wakeUps.count { wakeUps[loop].send() } else { logBell?.ring() }
    }

    func wakeAll() {
        for wakeUp in wakeUps { wakeUp.send() }
    }

    // MARK: - Stopping

    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Any thread, any number of times.
    func stop() {
        // Pairs with the acquiring load above; the wake-up makes every loop look.
        stopping.store(true, ordering: .releasing)
        wakeAll()
    }

    /// A loop that was told to stop has no connections left, or no time. Once for each loop.
    func noteLeft() {
        // Pairs with the acquiring load below; the wake-up makes every loop look.
        let left = staying.subtract(1, ordering: .acquiringAndReleasing).newValue
        if left == 0 { wakeAll() }
    }

    var haveAllLeft: Bool { staying.load(ordering: .acquiring) == 0 }

    // MARK: - The watchdog

    /// Owner loop only.
    func noteTurn(_ loop: Int) {
        // Relaxed: it says that the loop turns, and nothing about what it has done.
        turns[loop].count.add(1, ordering: .relaxed)
    }

    /// Any thread: how often each loop has turned.
    func turnCounts() -> [UInt64] { turns.map { $0.count.load(ordering: .relaxed) } }
}
