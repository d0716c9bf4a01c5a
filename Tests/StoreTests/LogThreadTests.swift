import Glibc
import Ring
import Testing

@testable import Store

/// Reader and writer on threads of their own, as a server runs them.
@Suite struct LogThreadTests {
    @Test
    func `what several threads publish is in the file, and settled, when the log has stopped`()
        throws
    {
        let folder = Folder()
        var namespaces = usual
        for index in 1...2 {
            namespaces[index].messagesMax = 1_000_000
            // The threads have the real clock, and the messages a time long past.
            namespaces[index].millisecondsMax = .max
        }
        let each = 2_000
        do {
            var limits = StoreLimits()
            // Renewed many times on the way.
            limits.reservedSequences = 512
            limits.intervalMilliseconds = 1
            let (history, life) = try HistoryDatabase.open(
                opening(folder, namespaces) { $0 = limits })
            let ring = BroadcastRing(slots: 64, readers: 1, bytesMax: 1 << 20, start: life.start)
            let sleepers = Sleepers(loops: 1)
            let progress = DurableProgress(start: life.start)
            let bell = LogBell(sleepers: sleepers, index: 0)
            let pending = PendingLog(
                start: life.start, mark: history.mark, slots: 64, progress: progress, limits: limits
            )
            let parts = Parts(
                reader: LogReader(
                    ring: ring, index: 0, durability: namespaces.map(\.durability),
                    pending: pending, bell: bell, limits: limits),
                writer: LogWriter(
                    history: history, pending: pending, progress: progress, bell: bell,
                    limits: limits, wakeLoops: {}, report: { Issue.record("\($0)") }))
            let log = [thread { parts.reader.run() }, thread { parts.writer.run() }]
            let publishers = (0..<3).map { index in
                thread {
                    for number in 0..<each {
                        let message = message(
                            ["a", "d:a", "i:a"][index], "\(number)", namespace: UInt8(index))
                        while true {
                            let outcome = ring.publish(message)
                            sleepers.take(.all, except: -1) { _ in bell.ring() }
                            if case .published = outcome { break }
                            sched_yield()
                        }
                    }
                }
            }
            for one in publishers { pthread_join(one, nil) }
            bell.stop()
            for one in log { pthread_join(one, nil) }
            #expect(progress.settled == UInt64(3 * each))
            #expect(progress.isAccepting)
        }
        let (_, life) = try HistoryDatabase.open(opening(folder, namespaces))
        #expect(life.start == UInt64(3 * each))
        #expect(life.wasClean)
        for channel in ["d:a", "i:a"] {
            let texts = life[channel]?.messages.map {
                String(decoding: $0.message.payload, as: UTF8.self)
            }
            #expect(texts == (0..<each).map { "\($0)" })
        }
    }

    /// Each is used by one thread.
    private struct Parts: @unchecked Sendable {
        let reader: LogReader
        let writer: LogWriter
    }

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private func thread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
        var thread = pthread_t()
        // Balanced by `takeRetainedValue` on the new thread, which has let go of it when it is joined:
        // the file is then closed.
        let context = Unmanaged.passRetained(Body(body)).toOpaque()
        let failure = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, context)
        precondition(failure == 0, "pthread_create: \(failure)")
        return thread
    }
}
