import CSQLite
import Ring
import Testing

@testable import Store

/// From the ring to the file, in one thread.
@Suite struct LogTests {
    @Test func `all that waits shares one commit, and is settled with it`() throws {
        let log = try Log(Folder())
        for _ in 0..<10 { log.publish() }
        log.read()
        #expect(log.progress.settled == 0)
        log.write()
        #expect(log.writer.commits == 1)
        #expect(log.progress.settled == 10)
        #expect(log.wakeUps.count == 1)
        #expect(try log.history.number("SELECT count(*) FROM messages") == 10)
    }

    @Test func `nothing is settled before it is on the disk`() throws {
        final class Witness {
            let progress: DurableProgress
            var settled: [UInt64] = []
            init(_ progress: DurableProgress) { self.progress = progress }
        }
        let log = try Log(Folder())
        let witness = Witness(log.progress)
        // SQLite calls it as a commit begins, on this thread; both live to the end of the test.
        let context = Unmanaged.passUnretained(witness).toOpaque()
        sqlite3_commit_hook(
            log.history.database.handle,
            { context in
                let witness = Unmanaged<Witness>.fromOpaque(context!).takeUnretainedValue()
                witness.settled.append(witness.progress.settled)
                return 0
            }, context)
        for _ in 0..<3 {
            log.publish()
            log.read()
            log.write()
        }
        withExtendedLifetime((log, witness)) {}
        #expect(witness.settled == [0, 1, 2])
        #expect(log.progress.settled == 3)
    }

    @Test func `what is not durable is settled without being written, and wakes nobody`() throws {
        let log = try Log(Folder())
        log.publish("a", namespace: 0)
        log.read()
        log.write()
        #expect(log.progress.settled == 1)
        #expect(log.writer.commits == 0)
        #expect(log.wakeUps.count == 0)
    }

    @Test func `a file of a log has every durable message, under its sequence`() throws {
        let folder = Folder()
        do {
            let log = try Log(folder)
            for number in 0..<12 {
                log.publish(
                    ["a", "d:a", "i:a"][number % 3], "\(number)", namespace: UInt8(number % 3))
            }
            log.end()
        }
        let log = try Log(folder)
        #expect(log.life.start == 12)
        #expect(log.life.wasClean)
        #expect(log.life.sequences("d:a") == [2, 5, 8, 11])
        #expect(log.life.sequences("i:a") == [3, 6, 9, 12])
        #expect(log.life["i:a"]?.messages.last?.message.payload == Array("11".utf8))
        #expect(log.publish() == 13)
    }

    // MARK: - When to write

    @Test func `what somebody waits for is due at once, the rest within the interval`() throws {
        let log = try Log(Folder())
        // The clock of the wait is the real one: what is due by then must not wait.
        let real = monotonicMilliseconds()
        log.time = real
        log.publish("i:a", namespace: 2)
        log.read()
        log.pending.wait(until: real)
        #expect(log.pending.isDueForTest == false)
        log.publish()
        log.read()
        #expect(log.pending.isDueForTest)
        // Returns although nothing else ends it.
        log.pending.wait(until: .max)
        log.write()
        #expect(log.pending.isDueForTest == false)
        log.publish("i:a", namespace: 2)
        log.time = real - 100
        log.read()
        log.pending.wait(until: .max)
    }

    // MARK: - Failures

    @Test func `a disk that fails refuses what is durable, and says which messages are lost`()
        throws
    {
        let folder = Folder()
        do {
            let log = try Log(folder)
            log.publish()
            log.read()
            log.write()
            try log.fillDisk(true)
            let large = String(repeating: "x", count: 10_000)
            for _ in 0..<2 { log.publish("d:a", large) }
            log.publish("d:b", large)
            log.publish("a", namespace: 0)
            log.read()
            log.write()
            #expect(log.progress.settled == 5)
            #expect(!log.progress.isAccepting)
            #expect((1...5).map { log.progress.hasFailed($0) } == [false, true, true, true, false])
            #expect(log.wakeUps.count == 2)
            #expect(log.reports.all.count == 1)
            #expect(log.reports.all[0].contains(folder.file))

            // What is still on its way is given up at once, without a try.
            log.publish("d:c", large)
            log.read()
            try log.fillDisk(false)
            log.write()
            #expect(log.progress.hasFailed(6))
            #expect(!log.progress.isAccepting)

            // The next try.
            log.time = log.writer.nextDeadline
            log.write()
            #expect(log.progress.isAccepting)
            #expect(log.reports.all.count == 2)
            log.publish("d:b", "again")
            log.read()
            log.write()
            #expect(!log.progress.hasFailed(7))
        }
        let log = try Log(folder)
        #expect(log.life.sequences("d:a") == [1])
        #expect(log.life["d:a"]?.forgotten == 3)
        #expect(log.life.sequences("d:b") == [7])
        #expect(log.life["d:b"]?.forgotten == 4)
        #expect(log.life.sequences("d:c") == [])
        #expect(log.life["d:c"]?.forgotten == 6)
    }

    @Test func `tries become rarer, up to a limit, and begin anew after a success`() throws {
        let log = try Log(Folder()) { $0.retryMillisecondsMax = 300 }
        let large = String(repeating: "x", count: 10_000)
        func fail() throws -> [UInt64] {
            try log.fillDisk(true)
            log.publish("d:a", large)
            log.read()
            log.write()
            var delays: [UInt64] = []
            for _ in 0..<5 {
                delays.append(log.writer.nextDeadline - log.time)
                log.time = log.writer.nextDeadline
                log.publish("d:a", large)
                log.read()
                log.write()
            }
            try log.fillDisk(false)
            log.time = log.writer.nextDeadline
            log.write()
            return delays
        }
        #expect(try fail() == [50, 100, 200, 300, 300])
        #expect(log.progress.isAccepting)
        #expect(try fail() == [50, 100, 200, 300, 300])
        #expect(log.reports.all.count == 4)
    }

    @Test func `a clean end is not written by a log that could not write`() throws {
        let folder = Folder()
        do {
            let log = try Log(folder)
            log.publish()
            log.read()
            log.write()
            try log.fillDisk(true)
            log.publish("d:a", String(repeating: "x", count: 10_000))
            log.end()
        }
        #expect(try !Log(folder).life.wasClean)
    }

    @Test func `what was lost is written with the clean end`() throws {
        let folder = Folder()
        do {
            let log = try Log(folder)
            try log.fillDisk(true)
            log.publish("d:a", String(repeating: "x", count: 10_000))
            log.read()
            log.write()
            try log.fillDisk(false)
            log.end()
        }
        let log = try Log(folder)
        #expect(log.life.wasClean)
        #expect(log.life["d:a"]?.forgotten == 1)
    }

    // MARK: - Bounds

    @Test func `durable messages are refused over the bound, and taken again at half of it`() throws
    {
        let cost = message().cost
        let log = try Log(Folder()) { $0.pendingBytesMax = 4 * cost }
        for _ in 0..<4 { log.publish() }
        log.read()
        #expect(log.progress.isAccepting)
        log.publish()
        log.read()
        #expect(!log.progress.isAccepting)
        // What is in the ring by then still comes.
        log.publish()
        log.read()
        let taken = log.pending.take()
        #expect(taken.messages.count == 6)
        // Taken is not written.
        log.pending.release(bytes: 3 * cost)
        #expect(!log.progress.isAccepting)
        log.pending.release(bytes: cost)
        #expect(log.progress.isAccepting)
    }

    @Test func `what is written waits no more`() throws {
        let cost = message().cost
        let log = try Log(Folder()) { $0.pendingBytesMax = 4 * cost }
        for _ in 0..<3 {
            for _ in 0..<5 { log.publish() }
            log.read()
            #expect(!log.progress.isAccepting)
            log.write()
            #expect(log.progress.isAccepting)
        }
    }

    @Test func `a disk that works again does not undo that too much waits`() throws {
        let cost = message().cost
        let log = try Log(Folder()) { $0.pendingBytesMax = 4 * cost }
        log.pending.setFailing(true)
        for _ in 0..<5 { log.publish() }
        log.read()
        log.pending.setFailing(false)
        #expect(!log.progress.isAccepting)
        log.pending.release(bytes: 5 * cost)
        #expect(log.progress.isAccepting)
    }

    // MARK: - Sequences

    @Test func `no sequence is given that is not reserved on the disk`() throws {
        let log = try Log(Folder(), slots: 16) { $0.reservedSequences = 64 }
        var given: UInt64 = 0
        for _ in 0..<100 {
            guard let sequence = log.publish("a", namespace: 0) else { break }
            given = sequence
            log.read()
        }
        // The reader has stopped, so the ring is full: exactly at the mark.
        #expect(given == 64)
        #expect(log.history.mark == 64)
        #expect(try log.history.number("SELECT mark FROM log") == 64)
        log.write()
        #expect(try log.history.number("SELECT mark FROM log") == 112)
        log.read()
        #expect(log.publish("a", namespace: 0) == 65)
        repeat { log.read() } while log.publish("a", namespace: 0) != nil
        #expect(log.ring.published == 112)
    }

    @Test func `a volatile flood alone renews the reservation, half a block ahead`() throws {
        let log = try Log(Folder(), slots: 16) { $0.reservedSequences = 64 }
        for _ in 0..<32 {
            log.publish("a", namespace: 0)
            log.read()
        }
        #expect(!log.pending.isDueForTest)
        log.publish("a", namespace: 0)
        log.read()
        #expect(log.pending.isDueForTest)
        log.write()
        #expect(log.history.mark == 33 + 64)
        #expect(!log.pending.isDueForTest)
    }

    @Test func `a hundred restarts at random points give no sequence twice`() throws {
        var random = Random.printed()
        let folder = Folder()
        var last: UInt64 = 0
        var kept: [UInt64: String] = [:]
        var namespaces = usual
        namespaces[1].messagesMax = 1_000_000
        for life in 0..<100 {
            let log = try Log(folder, slots: 16, namespaces: namespaces) {
                $0.reservedSequences = 64
            }
            #expect(log.life.start >= last)
            #expect(log.life.sequences("d:a") ?? [] == kept.keys.sorted())
            for stored in log.life["d:a"]?.messages ?? [] {
                #expect(stored.message.payload == Array((kept[stored.sequence] ?? "").utf8))
            }
            #expect(log.life["d:a"]?.forgotten ?? 0 == 0)
            var waiting: [UInt64: String] = [:]
            for step in 0..<Int.random(in: 0...120, using: &random) {
                switch Int.random(in: 0..<8, using: &random) {
                case 0...3:
                    let text = "\(life).\(step)"
                    guard let sequence = log.publish("d:a", text) else { continue }
                    #expect(sequence > last, "given twice, or in the wrong order")
                    last = sequence
                    waiting[sequence] = text
                case 4...5:
                    guard let sequence = log.publish("a", namespace: 0) else { continue }
                    #expect(sequence > last, "given twice, or in the wrong order")
                    last = sequence
                case 6: log.read()
                default:
                    log.write()
                    for (sequence, text) in waiting where sequence <= log.progress.settled {
                        kept[sequence] = text
                        waiting[sequence] = nil
                    }
                }
            }
            if Bool.random(using: &random) {
                log.end()
                kept.merge(waiting) { $1 }
                // After a crash, and with nothing published since, it is where this life began.
                #expect(
                    try log.history.number("SELECT mark FROM log") == max(last, log.life.start))
            }
            // Otherwise it is dropped as it is, as by a kill.
        }
        #expect(kept.count > 500)
    }
}
