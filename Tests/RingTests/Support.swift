// What the tests of this module share: threads, a barrier, a semaphore, messages, random numbers.

import Glibc
import Ring
import Synchronization
import Testing

/// The suites that need the cores for themselves: one test after the other.
@Suite(.serialized) struct ThreadTests {}

/// Runs each body on a thread of its own; returns when all have ended.
///
/// - Parameter spread: puts the threads on different cores by force. A busy machine likes to put
///   two that wait for each other on one core, where no two memory operations ever meet.
///
/// Expectations belong after it: on a bare thread nobody would know which test they are of.
func inThreads(spread: Bool = false, _ bodies: [@Sendable () -> Void]) {
    final class Start: Sendable {
        let core: Int?
        let body: @Sendable () -> Void
        init(_ core: Int?, _ body: @escaping @Sendable () -> Void) {
            self.core = core
            self.body = body
        }
    }
    var threads: [pthread_t] = []
    for (index, body) in bodies.enumerated() {
        var thread = pthread_t()
        // Balanced by `takeRetainedValue` on the new thread, which starts exactly once.
        let start = Unmanaged.passRetained(Start(spread ? index : nil, body)).toOpaque()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                if let core = start.core { takeCore(core) }
                start.body()
                return nil
            }, start)
        precondition(failure == 0, "pthread_create: \(failure)")
        threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
}

/// Binds the calling thread to one of the cores it may use, in turn. Without success it runs where
/// it is put.
private func takeCore(_ index: Int) {
    // Both have this shape in <sched.h>, which shows them under _GNU_SOURCE only.
    typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> CInt
    guard let get = dlsym(nil, "sched_getaffinity"), let set = dlsym(nil, "sched_setaffinity")
    else { return }
    let getAffinity = unsafeBitCast(get, to: Affinity.self)
    let setAffinity = unsafeBitCast(set, to: Affinity.self)
    var mask = Array(repeating: UInt8(0), count: 128)  // 1024 cores
    guard getAffinity(0, mask.count, &mask) >= 0 else { return }
    let allowed = (0..<1024).filter { mask[$0 / 8] & 1 << UInt8($0 % 8) != 0 }
    guard !allowed.isEmpty else { return }
    let core = allowed[index % allowed.count]
    mask = Array(repeating: UInt8(0), count: 128)
    mask[core / 8] = 1 << UInt8(core % 8)
    _ = setAffinity(0, mask.count, &mask)
}

/// Lets `parties` threads start each round together, as near as two cores can.
final class Barrier: Sendable {
    private let parties: Int
    private let arrived = Atomic<Int>(0)

    init(parties: Int) { self.parties = parties }

    /// - Parameter round: 0, 1, 2 … in turn.
    func wait(round: Int) {
        arrived.add(1, ordering: .acquiringAndReleasing)
        let wanted = (round + 1) * parties
        var looks = 0
        while arrived.load(ordering: .acquiring) < wanted {
            looks += 1
            if looks > 5000 { sched_yield() }
        }
    }
}

/// Wastes a nanosecond or so a turn, to vary who comes first.
func dawdle(_ turns: Int) {
    var word: UInt64 = 1
    for _ in 0..<turns { word = word &* 0x5851_f42d_4c95_7f2d &+ 1 }
    // Never so, but the optimizer does not know, and leaves the loop.
    if word == 0, turns > 0 { sched_yield() }
}

/// Looks until `condition` holds.
///
/// - Returns: false when it did not for some seconds: a detector of failure, no measure of time.
func spin(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 where condition() { return true }
    var until = timespec()
    clock_gettime(CLOCK_MONOTONIC, &until)
    until.tv_sec += 3
    while !condition() {
        sched_yield()
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        if now.tv_sec > until.tv_sec { return false }
    }
    return true
}

/// What a loop blocks on. The bound on the wait is there to detect failure only.
final class Bell: Sendable {
    // sem_t is not Sendable and must not move; its functions are made for any thread.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func ring() { sem_post(semaphore) }

    /// - Returns: false when nobody rang within `seconds`.
    func wait(secondsMax seconds: Int) -> Bool {
        var until = timespec()
        clock_gettime(CLOCK_REALTIME, &until)
        until.tv_sec += seconds
        while sem_timedwait(semaphore, &until) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}

/// A value that threads fill and the test reads.
///
/// A pthread lock, since ThreadSanitizer knows those and does not see into `Mutex` on Linux.
final class Shared<Value: Sendable>: Sendable {
    // Never moved, and made for any thread.
    private nonisolated(unsafe) let lock: UnsafeMutablePointer<pthread_mutex_t>
    // Touched under the lock only.
    private nonisolated(unsafe) var value: Value

    init(_ value: Value) {
        self.value = value
        lock = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    func update(_ body: (inout Value) -> Void) {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        body(&value)
    }

    var now: Value {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return value
    }
}

/// SplitMix64: small, and the same everywhere for one seed.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    /// A fresh generator; the seed is printed, so that a failure can be had again.
    static func printed(_ test: String = #function) -> Random {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("seed of \(test): \(seed)")
        return Random(seed: seed)
    }
}

let key = HashKey(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
let news = ChannelName(Array("news".utf8), key: key)

/// A message of writer `writer`, its `number`th, whose payload repeats both.
func numbered(_ number: UInt64, of writer: UInt64 = 0) -> Message {
    let word = number &* 31 &+ writer
    return Message(
        channel: news, kind: .binary,
        payload: (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) },
        sender: writer, timeMilliseconds: number)
}

/// Whether the payload is the one that `numbered` gave it.
func isWhole(_ message: Message) -> Bool {
    message.payload == numbered(message.timeMilliseconds, of: message.sender).payload
}

/// A message that costs exactly `cost` bytes.
func costing(_ cost: Int) -> Message {
    let fixed = Message(channel: news, kind: .binary, payload: [], timeMilliseconds: 0).cost
    return Message(
        channel: news, kind: .binary, payload: Array(repeating: 0, count: cost - fixed),
        timeMilliseconds: 0)
}
