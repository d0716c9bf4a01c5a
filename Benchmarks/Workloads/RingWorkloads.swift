// The ring by itself: one thread that does both, and writers and readers on threads of their own.

private import Glibc
internal import Ring
private import Synchronization

extension Workload {
    static let ring: [Workload] = [
        Workload("ring/publish-drain", per: "message", 1_000) {
            let ring = BroadcastRing(slots: 1 << 12, readers: 1, bytesMax: 64 << 20)
            let reader = Holder(ring.makeReader(0))
            let message = ringMessage()
            return Steps {
                for _ in 0..<1_000 { _ = ring.publish(message) }
                precondition(reader.ring.drain(limit: 1_000) { _, _ in true } == 1_000)
            }
        }
    ]
}

/// A reader that a closure can hold.
private final class Holder {
    var ring: RingReader
    init(_ ring: consuming RingReader) { self.ring = ring }
}

private func ringMessage() -> Message {
    Message(
        channel: ChannelName(Array("news".utf8), key: HashKey(1, 2)), kind: .text,
        payload: payload(128), timeMilliseconds: 1_700_000_000_000)
}

/// Lets writers publish, each as many messages, and readers drain all of them, each on a thread.
///
/// A writer that finds the ring full, and a reader that finds it empty, yield.
///
/// - Parameters:
///   - messages: of each writer, 1 or more.
///   - start: told once all threads are there and about to begin.
package func raceRing(
    writers: Int, readers: Int, messages: Int, start: () -> Void = {}
) {
    let ring = BroadcastRing(slots: 1 << 14, readers: readers, bytesMax: 256 << 20)
    let total = writers * messages
    let ready = Ready()
    var threads: [pthread_t] = []
    for _ in 0..<writers {
        threads.append(
            spawn {
                // Different ones, as different publishes make them.
                let pool = (0..<256).map { _ in ringMessage() }
                ready.await()
                for index in 0..<messages {
                    while true {
                        if case .published = ring.publish(pool[index & 255]) { break }
                        sched_yield()
                    }
                }
            })
    }
    for index in 0..<readers {
        threads.append(
            spawn {
                var reader = ring.makeReader(index)
                ready.await()
                var (read, sum) = (0, 0)
                while read < total {
                    let count = reader.drain(limit: 1_024) { _, message in
                        sum += message.payload.count
                        return true
                    }
                    read += count
                    if count == 0 { sched_yield() }
                }
                precondition(sum == total * 128, "\(sum) bytes of \(total) messages")
            })
    }
    while ready.waiting.load(ordering: .acquiring) < writers + readers { sched_yield() }
    start()
    ready.isOpen.store(true, ordering: .releasing)
    for thread in threads { pthread_join(thread, nil) }
}

/// Holds threads back until all of them are there.
private final class Ready: Sendable {
    let waiting = Atomic<Int>(0)
    let isOpen = Atomic<Bool>(false)

    func await() {
        waiting.add(1, ordering: .acquiringAndReleasing)
        while !isOpen.load(ordering: .acquiring) { sched_yield() }
    }
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func spawn(_ run: @escaping @Sendable () -> Void) -> pthread_t {
    var thread = pthread_t()
    // Taken back by the thread, once.
    let body = Unmanaged.passRetained(Body(run)).toOpaque()
    let code = pthread_create(&thread, nil, runBody, body)
    precondition(code == 0, "pthread_create: \(code)")
    return thread
}

private func runBody(_ body: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<Body>.fromOpaque(body!).takeRetainedValue().run()
    return nil
}
