// What the threads of one measurement share, also those of other processes: the phase, what was
// published when, and one board per thread on which it notes how far it has come.

import FoundationEssentials
import Glibc
import Histogram
import Synchronization

enum Phase: Int {
    case opening
    /// All are connected; the server gets time to register them.
    case settling
    case warming
    case measuring
    /// All were cut off, and come back.
    case returning
    /// Nothing is published any more; what is on its way may arrive.
    case draining
    case stopped
}

/// Lies in memory that all processes see.
struct Counters: ~Copyable {
    let opened = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    /// How many were cut off.
    let cut = Atomic<Int>(0)
    /// How many to open by now, where that comes in steps.
    let goal = Atomic<Int>(0)
    let delivered = Atomic<UInt64>(0)
    let completed = Atomic<UInt64>(0)
    /// Where each publishes its own.
    let published = Atomic<UInt64>(0)
    /// Two cache lines are fetched at once; another thread's counters are to lie in others.
    private let padding = InlineArray<9, UInt64>(repeating: 0)
}

/// Written by its thread; read by thread 0.
final class Board: @unchecked Sendable {
    // The pointer's target is atomic, and outlives the board: it is `Shared`'s.
    let counters: UnsafeMutablePointer<Counters>
    /// Wakes the thread, from any process.
    let wake: Int32 = makeWakeDescriptor()
    /// Set when the thread ends.
    let outcome = Mutex<Outcome?>(nil)

    init(_ counters: UnsafeMutablePointer<Counters>) { self.counters = counters }

    deinit { close(wake) }

    func wakeUp() {
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }
}

/// What a thread, or a process, leaves behind.
struct Outcome: Codable, Sendable {
    var tally = Tally()
    /// Microseconds.
    var latency = Histogram<UInt32>(highestTrackableValue: Receipt.latencyMax)
    /// Microseconds until a subscriber that was cut off was back.
    var returns = Histogram<UInt32>(highestTrackableValue: Receipt.latencyMax)
    /// What went wrong first, in words.
    var failure: String?

    mutating func add(_ other: Outcome) {
        tally = tally + other.tally
        latency.add(other.latency)
        returns.add(other.returns)
        failure = failure ?? other.failure
    }

    /// For another process; nothing where it can't be.
    func encoded() -> [UInt8] { (try? JSONEncoder().encode(self)).map(Array.init) ?? [] }
}

extension Outcome {
    /// What another process left.
    init(_ left: [UInt8]) throws(Failure) {
        guard let outcome = try? JSONDecoder().decode(Outcome.self, from: Data(left)) else {
            throw Failure("a process of the generator left nothing")
        }
        self = outcome
    }
}

final class Shared: @unchecked Sendable {
    // The one unguarded part is `sentAt`: whoever publishes writes a slot before it sends the
    // message, and others read it after they received that message, by way of two sockets and a
    // server.
    let sentAt: UnsafeMutablePointer<UInt64>
    private let timesKept: Int
    private let counters: UnsafeMutablePointer<Counters>
    private let common: UnsafeMutablePointer<Common>
    let boards: [Board]
    /// What went wrong first, in words; of this process.
    let failure = Mutex<String?>(nil)

    private struct Common: ~Copyable {
        let phase = Atomic<Int>(Phase.opening.rawValue)
        let published = Atomic<UInt64>(0)
    }

    /// - Parameter workers: threads of all processes, which are forked later.
    init(workers: Int, timesKept: Int) throws(Failure) {
        self.timesKept = timesKept
        common = try SharedMemory.allocate(1)
        common.initialize(to: Common())
        counters = try SharedMemory.allocate(workers)
        for worker in 0..<workers { (counters + worker).initialize(to: Counters()) }
        sentAt = try SharedMemory.allocate(timesKept)
        boards = (0..<workers).map { [counters] in Board(counters + $0) }
    }

    deinit {
        SharedMemory.deallocate(sentAt, timesKept)
        SharedMemory.deallocate(counters, boards.count)
        SharedMemory.deallocate(common, 1)
    }

    /// Set by thread 0, or by one that cannot go on; others see it at their next turn.
    var phase: Phase {
        get { Phase(rawValue: common.pointee.phase.load(ordering: .acquiring)) ?? .stopped }
        set {
            common.pointee.phase.store(newValue.rawValue, ordering: .releasing)
            for board in boards { board.wakeUp() }
        }
    }

    func note(failure text: String) { failure.withLock { if $0 == nil { $0 = text } } }

    func stop(_ failure: Failure) {
        note(failure: failure.description)
        phase = .stopped
    }

    /// Messages, of whoever publishes for all.
    func notePublished(_ count: UInt64) {
        common.pointee.published.store(count, ordering: .relaxed)
    }

    /// Messages, by whomever.
    var published: UInt64 {
        boards.reduce(common.pointee.published.load(ordering: .relaxed)) {
            $0 + $1.counters.pointee.published.load(ordering: .relaxed)
        }
    }

    var opened: Int {
        boards.reduce(0) { $0 + $1.counters.pointee.opened.load(ordering: .relaxed) }
    }
    var failed: Int {
        boards.reduce(0) { $0 + $1.counters.pointee.failed.load(ordering: .relaxed) }
    }
    /// A thread that counts here has taken those it cut off from `opened`.
    var cut: Int {
        boards.reduce(0) { $0 + $1.counters.pointee.cut.load(ordering: .acquiring) }
    }
    var delivered: UInt64 {
        boards.reduce(0) { $0 + $1.counters.pointee.delivered.load(ordering: .relaxed) }
    }

    /// All messages below this one were received by all who follow them.
    var completed: UInt64 {
        boards.reduce(UInt64.max) {
            min($0, $1.counters.pointee.completed.load(ordering: .relaxed))
        }
    }
}

/// Zeroed memory that forked processes share with their parent.
enum SharedMemory {
    static func allocate<Value: ~Copyable>(
        _ count: Int
    ) throws(Failure) -> UnsafeMutablePointer<Value> {
        let bytes = count * MemoryLayout<Value>.stride
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw Failure("mmap: \(errorText())") }
        return memory.bindMemory(to: Value.self, capacity: count)
    }

    static func deallocate<Value: ~Copyable>(_ memory: UnsafeMutablePointer<Value>, _ count: Int) {
        munmap(memory, count * MemoryLayout<Value>.stride)
    }
}
