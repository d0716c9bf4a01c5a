// How the threads of one server reach each other's loops.

internal import Loops
internal import Synchronization

/// Shared by the server and its workers.
final class Control: Sendable {
    private let wakeUps: [WakeUp]
    private let stopping = Atomic(false)
    /// How long connections have to take what is owed to them once the server stops, milliseconds.
    let drainMillisecondsMax: UInt64

    init(wakeUps: [WakeUp], drainMillisecondsMax: UInt64) {
        self.wakeUps = wakeUps
        self.drainMillisecondsMax = drainMillisecondsMax
    }

    /// Any thread. The wake-up is kept for a loop that is not waiting yet.
    func wake(_ loop: Int) { wakeUps[loop].send() }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Any thread, any number of times.
    func stop() {
        // Pairs with the acquiring load above; the wake-up makes every loop look.
        stopping.store(true, ordering: .releasing)
        for wakeUp in wakeUps { wakeUp.send() }
    }
}
