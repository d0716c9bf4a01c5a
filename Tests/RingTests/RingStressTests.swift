// The ring's claims under threads, each with its forbidden outcome; run them under ThreadSanitizer.

import Glibc
import Ring
import Synchronization
import Testing

extension ThreadTests {
    @Suite struct RingStressTests {
        /// What one reader saw.
        struct Seen: Sendable, Equatable {
            var count: UInt64 = 0
            /// Depends on every (sequence, writer, number) and their order.
            var digest: UInt64 = 0
            /// Of each writer, the number read last.
            var last: [UInt64]
            /// Forbidden outcomes, in words.
            var forbidden: [String] = []
        }

        struct Load: Sendable, CustomTestStringConvertible {
            var writers: Int
            var readers: Int
            var slots: Int
            var each: UInt64
            var testDescription: String {
                "\(writers) writers, \(readers) readers, \(slots) slots, \(each) messages each"
            }
        }

        static let loads = [
            Load(writers: 1, readers: 1, slots: 2, each: 3000),
            Load(writers: 2, readers: 2, slots: 4, each: 3000),
            Load(writers: 2, readers: 2, slots: 1024, each: 20000),
            Load(writers: 4, readers: 1, slots: 16, each: 4000),
            Load(writers: 1, readers: 4, slots: 16, each: 4000),
            Load(writers: 3, readers: 3, slots: 64, each: 8000),
        ]

        /// ACCEPTABLE: a reader reads 1, 2, 3 …, each whole, each writer's in the order written.
        /// FORBIDDEN: a sequence twice, none or out of order; a message not whole; two readers that
        /// saw different orders; a byte still held when all have read all.
        @Test(arguments: loads)
        func `all readers see everything once, whole, in one order`(load: Load) {
            let total = UInt64(load.writers) * load.each
            let ring = BroadcastRing(slots: load.slots, readers: load.readers, bytesMax: 1 << 30)
            let results = Shared<[Seen]>([])
            let writers: [@Sendable () -> Void] = (0..<load.writers).map { writer in
                {
                    for number in 1...load.each {
                        let message = numbered(number, of: UInt64(writer))
                        while ring.publish(message) == .full { sched_yield() }
                    }
                }
            }
            let readers: [@Sendable () -> Void] = (0..<load.readers).map { index in
                {
                    let seen = readAll(ring, index, writers: load.writers, total: total)
                    results.update { $0.append(seen) }
                }
            }
            inThreads(readers + writers)
            let seen = results.now
            #expect(seen.count == load.readers)
            for one in seen {
                #expect(one.forbidden == [])
                #expect(one.count == total)
                #expect(one.last == Array(repeating: load.each, count: load.writers))
                #expect(one.digest == seen[0].digest)
            }
            #expect(ring.bytesHeld == 0)
        }

        func readAll(_ ring: BroadcastRing, _ index: Int, writers: Int, total: UInt64) -> Seen {
            var reader = ring.makeReader(index)
            var random = Random(seed: UInt64(index) + 1)
            var seen = Seen(last: Array(repeating: 0, count: writers))
            while reader.position < total {
                let limit = Int.random(in: 1...40, using: &random)
                let count = reader.drain(limit: limit) { sequence, message in
                    let writer = Int(message.sender)
                    seen.count += 1
                    if sequence != seen.count {
                        seen.forbidden.append("\(sequence) as \(seen.count)th")
                    }
                    if !isWhole(message) { seen.forbidden.append("\(sequence) is not whole") }
                    if message.timeMilliseconds != seen.last[writer] + 1 {
                        seen.forbidden.append(
                            "\(message.timeMilliseconds) after \(seen.last[writer])")
                    }
                    seen.last[writer] = message.timeMilliseconds
                    var hasher = seen.digest &* 0x100_0000_01b3
                    hasher ^=
                        sequence &* 64 &+ message.sender &* 8 &+ message.timeMilliseconds << 20
                    seen.digest = hasher
                    return seen.forbidden.count < 10
                }
                if seen.forbidden.count >= 10 { break }
                if count == 0 { sched_yield() }
            }
            return seen
        }

        /// Readers that come to their end at the same time: one reclaims, the other's request finds
        /// the lock held.
        /// FORBIDDEN: a message still held when all have read it, though nobody drains again.
        @Test func `of readers that end together none leaves a message behind`() {
            let rounds = 20000
            let ring = BroadcastRing(slots: 4, readers: 2, bytesMax: 1 << 20)
            let start = Barrier(parties: 2)
            let end = Barrier(parties: 2)
            let left = Shared(0)
            let bodies: [@Sendable () -> Void] = (0..<2).map { index in
                {
                    var reader = ring.makeReader(index)
                    var random = Random(seed: UInt64(index))
                    let message = numbered(1)
                    for round in 0..<rounds {
                        if index == 0 { _ = ring.publish(message) }
                        start.wait(round: round)
                        dawdle(Int.random(in: 0..<100, using: &random))
                        _ = reader.drain(limit: 1) { _, _ in true }
                        end.wait(round: round)
                        if index == 0, ring.bytesHeld != 0 { left.update { $0 += 1 } }
                    }
                }
            }
            inThreads(spread: true, bodies)
            #expect(left.now == 0, "of \(rounds) rounds")
            #expect(ring.published == UInt64(rounds))
        }

        /// FORBIDDEN: more bytes held than the budget, or a sum that does not come back to zero.
        @Test func `the byte budget holds with several writers`() {
            let ring = BroadcastRing(slots: 64, readers: 1, bytesMax: 4000)
            let writersLeft = Atomic<Int>(3)
            let above = Shared(0)
            let taken = Shared(0)
            let writers: [@Sendable () -> Void] = (0..<3).map { writer in
                {
                    var random = Random(seed: UInt64(writer))
                    for _ in 0..<3000 {
                        let message = costing(Int.random(in: 300...2000, using: &random))
                        if case .published = ring.publish(message) { taken.update { $0 += 1 } }
                        let held = ring.bytesHeld
                        if held > 4000 || held < 0 { above.update { $0 += 1 } }
                    }
                    writersLeft.subtract(1, ordering: .releasing)
                }
            }
            let read = Shared(0)
            let reader: @Sendable () -> Void = {
                var reader = ring.makeReader(0)
                var count = 0
                while writersLeft.load(ordering: .acquiring) > 0 || reader.hasMore {
                    count += reader.drain(limit: 8) { _, _ in true }
                }
                read.update { $0 = count }
            }
            inThreads(writers + [reader])
            #expect(above.now == 0)
            #expect(read.now == taken.now)
            #expect(ring.bytesHeld == 0)
        }

        /// One object, published again and again by who holds it, kept for a while by who reads it.
        /// FORBIDDEN: freed while somebody holds it: a retain that comes after the stamp, or after
        /// the cursor. That is a crash, and in optimized builds only.
        @Test func `a message that somebody holds is never freed`() {
            let total: UInt64 = 40000
            let ring = BroadcastRing(slots: 64, readers: 2, bytesMax: 1 << 20)
            let broken = Shared(0)
            let reading: [@Sendable () -> Void] = (0..<2).map { index in
                {
                    var reader = ring.makeReader(index)
                    var kept: [Message] = []
                    while reader.position < total {
                        let count = reader.drain(limit: 8) { _, message in
                            kept.append(message)
                            return true
                        }
                        if count == 0 { sched_yield() }
                        if !kept.allSatisfy(isWhole) { broken.update { $0 += 1 } }
                        kept.removeAll(keepingCapacity: true)
                    }
                }
            }
            weak var left: Message?
            do {
                let message = numbered(1)
                left = message
                inThreads(
                    reading + [
                        {
                            for _ in 0..<total {
                                while ring.publish(message) == .full { sched_yield() }
                            }
                        }
                    ])
            }
            #expect(broken.now == 0)
            #expect(left == nil)
        }

        /// FORBIDDEN: a lag above what was ever published (a difference below zero).
        @Test func `a watchdog that looks at any time sees a lag that can be`() {
            let ring = BroadcastRing(slots: 64, readers: 1, bytesMax: 1 << 20)
            let total: UInt64 = 20000
            let ended = Atomic<Bool>(false)
            let highest = Shared<UInt64>(0)
            inThreads([
                {
                    for number in 1...total {
                        while ring.publish(numbered(number)) == .full { sched_yield() }
                    }
                },
                {
                    var reader = ring.makeReader(0)
                    while reader.position < total {
                        if reader.drain(limit: 3, { _, _ in true }) == 0 { sched_yield() }
                    }
                    reader.close()
                    ended.store(true, ordering: .releasing)
                },
                {
                    var lag: UInt64 = 0
                    while !ended.load(ordering: .acquiring) {
                        lag = max(lag, ring.lag(ofReader: 0))
                    }
                    let last = max(lag, ring.lag(ofReader: 0))
                    highest.update { $0 = last }
                },
            ])
            #expect(highest.now <= total)
        }
    }
}
