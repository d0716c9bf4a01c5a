// What the threads of one measurement share: the phase, what was published when, and one board per
// thread on which it notes how far it has come.

import Glibc
import Histogram
import Synchronization

enum Phase: Int {
    case opening
    /// All are connected; the server gets time to register them.
    case settling
    case warming
    case measuring
    /// Nothing is published any more; what is on its way may arrive.
    case draining
    case stopped
}

final class Board: Sendable {
    let opened = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    let delivered = Atomic<UInt64>(0)
    let completed = Atomic<UInt64>(0)
    /// Wakes the thread.
    let wake: Int32 = makeWakeDescriptor()
    /// Set when the thread ends.
    let outcome = Mutex<Outcome?>(nil)

    /// What a thread leaves behind.
    struct Outcome: Sendable {
        var tally = Tally()
        var latency = Histogram<UInt32>(highestTrackableValue: Receipt.latencyMax)
    }

    deinit { close(wake) }

    func wakeUp() {
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }
}

final class Shared: @unchecked Sendable {
    // The one unguarded part is `sentAt`: thread 0 writes a slot before it sends the message, and
    // others read it after they received that message, by way of two sockets and a server.
    let sentAt: UnsafeMutablePointer<UInt64>
    let published = Atomic<UInt64>(0)
    let boards: [Board]
    /// What went wrong first, in words.
    let failure = Mutex<String?>(nil)
    private let phaseNumber = Atomic<Int>(Phase.opening.rawValue)

    init(threads: Int) {
        boards = (0..<threads).map { _ in Board() }
        sentAt = .allocate(capacity: Int(Receipt.timesKept))
        sentAt.initialize(repeating: 0, count: Int(Receipt.timesKept))
    }

    deinit { sentAt.deallocate() }

    /// Set by thread 0, or by one that cannot go on; others see it at their next turn.
    var phase: Phase {
        get { Phase(rawValue: phaseNumber.load(ordering: .acquiring)) ?? .stopped }
        set {
            phaseNumber.store(newValue.rawValue, ordering: .releasing)
            for board in boards { board.wakeUp() }
        }
    }

    func note(failure text: String) { failure.withLock { if $0 == nil { $0 = text } } }

    var opened: Int { boards.reduce(0) { $0 + $1.opened.load(ordering: .relaxed) } }
    var failed: Int { boards.reduce(0) { $0 + $1.failed.load(ordering: .relaxed) } }

    var delivered: UInt64 { boards.reduce(0) { $0 + $1.delivered.load(ordering: .relaxed) } }

    /// All messages below this one were received by all subscribers.
    var completed: UInt64 {
        boards.reduce(UInt64.max) { min($0, $1.completed.load(ordering: .relaxed)) }
    }
}
