// Nobody sleeps through a message: the claims of `Sleepers` with their forbidden outcomes.

import Glibc
import Ring
import Synchronization
import Testing

extension ThreadTests {
    @Suite struct SleepersStressTests {
        /// How often each outcome of one round came.
        struct Tally: Sendable {
            var both = 0
            var senderOnly = 0
            var loopOnly = 0
            var neither = 0

            mutating func count(sender: Bool, loop: Bool) {
                switch (sender, loop) {
                case (true, true): both += 1
                case (true, false): senderOnly += 1
                case (false, true): loopOnly += 1
                case (false, false): neither += 1
                }
            }
        }

        /// Plays `rounds` rounds of a sender against a loop, both starting together.
        ///
        /// - Parameters:
        ///   - send: round → whether the sender took the sleeper.
        ///   - sleep: round → whether the loop saw what was sent. Then the round's leftovers are
        ///     cleared.
        func play(
            rounds: Int, send: @escaping @Sendable (Int) -> Bool,
            loop: @escaping @Sendable ((_ look: () -> Bool, _ clear: () -> Void) -> Void) -> Void
        ) -> Tally {
            let start = Barrier(parties: 2)
            let end = Barrier(parties: 2)
            let sent = Atomic<Bool>(false)
            // Who came too early dawdles longer in the next round: so the two meet again and again
            // where the forbidden outcome would be, whatever else the machine does.
            let bias = Atomic<Int>(0)
            let tally = Shared(Tally())
            inThreads(
                spread: true,
                [
                    {
                        for round in 0..<rounds {
                            start.wait(round: round)
                            dawdle(max(0, -bias.load(ordering: .relaxed)))
                            let took = send(round)
                            sent.store(took, ordering: .relaxed)
                            end.wait(round: 2 * round)
                            end.wait(round: 2 * round + 1)
                        }
                    },
                    {
                        var mine = Tally()
                        loop { look, clear in
                            for round in 0..<rounds {
                                start.wait(round: round)
                                dawdle(max(0, bias.load(ordering: .relaxed)))
                                let saw = look()
                                end.wait(round: 2 * round)
                                let took = sent.load(ordering: .relaxed)
                                mine.count(sender: took, loop: saw)
                                if took != saw { bias.add(took ? 1 : -1, ordering: .relaxed) }
                                clear()
                                end.wait(round: 2 * round + 1)
                            }
                        }
                        let counted = mine
                        tally.update { $0 = counted }
                    },
                ])
            return tally.now
        }

        /// ACCEPTABLE: the publisher takes the sleeper, the loop sees the message, or both.
        /// FORBIDDEN: neither.
        @Test func `a publisher and a loop about to block do not miss each other`() {
            let rounds = 20000
            let ring = BroadcastRing(slots: 4, readers: 1, bytesMax: 1 << 20)
            let sleepers = Sleepers(loops: 1)
            let message = numbered(1)
            let tally = play(rounds: rounds) { _ in
                _ = ring.publish(message)
                var took = false
                sleepers.take(.all, except: -1) { _ in took = true }
                return took
            } loop: { play in
                // A box, since two closures have a use of the reader.
                let box = Box(reader: ring.makeReader(0))
                play(
                    {
                        sleepers.announceSleep(0)
                        return box.reader.hasMore
                    },
                    {
                        sleepers.awake(0)
                        _ = box.reader.drain(limit: 1) { _, _ in true }
                    })
            }
            print("ring and sleep: \(tally)")
            #expect(tally.neither == 0, "\(tally)")
            #expect(tally.both + tally.senderOnly + tally.loopOnly == rounds)
        }

        /// As above, for a letter and `take`.
        @Test func `a sender of a letter and a loop about to block do not miss each other`() {
            let rounds = 20000
            let mailbox = Mailbox<Int>(entriesMax: 4)
            let sleepers = Sleepers(loops: 1)
            let tally = play(rounds: rounds) { round in
                _ = mailbox.post(round)
                var calls = Calls()
                calls.toTurn.insert(0)
                var took = false
                sleepers.take(calls, except: -1) { _ in took = true }
                return took
            } loop: { play in
                let box = Box(
                    reader: BroadcastRing(slots: 2, readers: 1, bytesMax: 1).makeReader(0))
                play(
                    {
                        sleepers.announceSleep(0)
                        return !mailbox.isEmpty
                    },
                    {
                        sleepers.awake(0)
                        mailbox.take(into: &box.letters)
                    })
            }
            print("mailbox and sleep: \(tally)")
            #expect(tally.neither == 0, "\(tally)")
            #expect(tally.both + tally.senderOnly + tally.loopOnly == rounds)
        }

        final class Box {
            var reader: RingReader
            var letters: [Int] = []
            init(reader: consuming RingReader) { self.reader = reader }
        }

        /// FORBIDDEN: a loop blocks for ever with an unread message.
        @Test(arguments: [(1, 1), (2, 2), (3, 2)])
        func `loops that block read everything`(publishers: Int, loops: Int) {
            let each: UInt64 = 4000
            let total = UInt64(publishers) * each
            let ring = BroadcastRing(slots: 64, readers: loops, bytesMax: 1 << 20)
            let sleepers = Sleepers(loops: loops)
            let bells = (0..<loops).map { _ in Bell() }
            let stuck = Shared<[String]>([])
            let blocked = Shared(0)
            let writers: [@Sendable () -> Void] = (0..<publishers).map { writer in
                {
                    for number in 1...each {
                        let message = numbered(number, of: UInt64(writer))
                        while ring.publish(message) == .full { sched_yield() }
                        sleepers.take(.all, except: -1) { bells[$0].ring() }
                    }
                }
            }
            let readers: [@Sendable () -> Void] = (0..<loops).map { loop in
                {
                    var reader = ring.makeReader(loop)
                    var blocks = 0
                    while reader.position < total {
                        _ = reader.drain(limit: 16) { _, _ in true }
                        guard reader.position < total else { break }
                        sleepers.announceSleep(loop)
                        if !reader.hasMore {
                            blocks += 1
                            if !bells[loop].wait(secondsMax: 20) {
                                let report =
                                    "loop \(loop) at \(reader.position) of \(ring.published)"
                                stuck.update { $0.append(report) }
                                return
                            }
                        }
                        sleepers.awake(loop)
                    }
                    let counted = blocks
                    blocked.update { $0 += counted }
                }
            }
            inThreads(readers + writers)
            print("blocked \(blocked.now) times in \(total) messages")
            #expect(stuck.now == [])
            #expect(blocked.now > 0)
        }

        /// One message at a time, published just as the loop that has read the last one is about to
        /// sleep: where the two come nearest to each other.
        /// FORBIDDEN: the loop sleeps, nobody took it, and a message is there.
        @Test func `a message that comes as the loop dozes off is never slept through`() {
            let total: UInt64 = 40_000
            let ring = BroadcastRing(slots: 4, readers: 1, bytesMax: 1 << 20)
            let sleepers = Sleepers(loops: 1)
            let taken = Atomic<UInt64>(0)
            let read = Atomic<UInt64>(0)
            let tally = Shared((slept: 0, sleptThrough: 0))
            inThreads(
                spread: true,
                [
                    {
                        let message = numbered(1)
                        for number in 1...total {
                            _ = ring.publish(message)
                            sleepers.take(.all, except: -1) { _ in
                                taken.add(1, ordering: .releasing)
                            }
                            if !spin({ read.load(ordering: .acquiring) >= number }) { return }
                        }
                    },
                    {
                        var reader = ring.makeReader(0)
                        var slept = 0
                        var sleptThrough = 0
                        // As long as makes it sleep every other time: there the two are nearest.
                        var delay = 0
                        while reader.position < total {
                            dawdle(delay)
                            let takenBefore = taken.load(ordering: .acquiring)
                            sleepers.announceSleep(0)
                            let hasMore = reader.hasMore
                            delay = max(0, delay + (hasMore ? -1 : 1))
                            if !hasMore {
                                slept += 1
                                let woken = spin { taken.load(ordering: .acquiring) > takenBefore }
                                if !woken {
                                    sleptThrough += 1
                                    break
                                }
                            }
                            sleepers.awake(0)
                            _ = reader.drain(limit: 1) { _, _ in true }
                            read.store(reader.position, ordering: .releasing)
                        }
                        let counts = (slept, sleptThrough)
                        tally.update { $0 = counts }
                    },
                ])
            print("dozing off: \(tally.now) of \(total)")
            #expect(tally.now.sleptThrough == 0)
            #expect(tally.now.slept > 0)
        }

        /// FORBIDDEN: one sleep reported to two callers, or to none.
        @Test func `each sleep goes to exactly one of several callers`() {
            let rounds = 3000
            let loops = 70
            let sleepers = Sleepers(loops: loops)
            let start = Barrier(parties: 2)
            let end = Barrier(parties: 2)
            let taken = Shared(Array(repeating: 0, count: loops))
            let bodies: [@Sendable () -> Void] = (0..<2).map { caller in
                {
                    var mine = Array(repeating: 0, count: loops)
                    for round in 0..<rounds {
                        if caller == 0 {
                            for loop in 0..<loops { sleepers.announceSleep(loop) }
                        }
                        start.wait(round: round)
                        sleepers.take(.all, except: -1) { mine[$0] += 1 }
                        end.wait(round: round)
                    }
                    let counted = mine
                    taken.update { sum in for loop in 0..<loops { sum[loop] += counted[loop] } }
                }
            }
            inThreads(bodies)
            #expect(taken.now == Array(repeating: rounds, count: loops))
        }
    }
}
