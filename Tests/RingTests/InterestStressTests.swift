// Who comes to follow a channel is woken for it: the claims of `Interest` and of a sleep that leaves
// messages, with their forbidden outcomes.

import Glibc
import Ring
import Synchronization
import Testing

extension ThreadTests.SleepersStressTests {
    /// Publishes one message, as a shard does, and takes those who are to read it.
    private static func publish(
        _ ring: BroadcastRing, _ interest: Interest, _ sleepers: Sleepers, _ message: Message,
        _ wake: (Int) -> Void
    ) -> BroadcastRing.Outcome {
        let outcome = ring.publish(message)
        var calls = Calls()
        if case .published = outcome {
            interest.addFollowers(of: message.channel, to: &calls.toRead)
            if ring.isPressing { calls = .all }
        }
        sleepers.take(calls, except: -1, wake)
        return outcome
    }

    /// A publisher meets a loop, again and again, in the middle of what `loop` does around its look.
    ///
    /// ACCEPTABLE: the publisher takes the sleeper, the loop sees the message, or both.
    /// FORBIDDEN: neither.
    private func meet(
        _ what: String,
        loop:
            @escaping @Sendable (
                Sleepers, Interest, Box, (_ look: () -> Bool, _ clear: () -> Void) -> Void
            ) -> Void
    ) {
        let rounds = 20000
        let ring = BroadcastRing(slots: 16, readers: 1, bytesMax: 1 << 20)
        let sleepers = Sleepers(loops: 1)
        let interest = Interest(loops: 1, buckets: 1)
        let message = numbered(1)
        let tally = play(rounds: rounds) { _ in
            var took = false
            _ = Self.publish(ring, interest, sleepers, message) { _ in took = true }
            return took
        } loop: { play in
            loop(sleepers, interest, Box(reader: ring.makeReader(0)), play)
        }
        print("\(what): \(tally)")
        #expect(tally.neither == 0, "\(tally)")
        #expect(tally.both + tally.senderOnly + tally.loopOnly == rounds)
    }

    @Test func `a publisher and a loop that comes to follow and blocks do not miss each other`() {
        meet("following and sleep") { sleepers, interest, box, play in
            play(
                {
                    interest.follow(news, on: 0)
                    sleepers.announceSleep(0)
                    return box.reader.hasMore
                },
                {
                    sleepers.awake(0)
                    interest.clear(bucket: 0, on: 0)
                    _ = box.reader.drain(limit: 1) { _, _ in true }
                })
        }
    }

    /// As above, for a loop whose last sleep left messages where they were.
    @Test func `a publisher and a loop that leaves messages no more do not miss each other`() {
        meet("leaving messages no more") { sleepers, interest, box, play in
            interest.follow(news, on: 0)
            sleepers.announceSleep(0, leavesMessages: true)
            play(
                {
                    sleepers.awake(0)
                    sleepers.announceSleep(0)
                    return box.reader.hasMore
                },
                {
                    sleepers.awake(0)
                    _ = box.reader.drain(limit: 1) { _, _ in true }
                    sleepers.announceSleep(0, leavesMessages: true)
                })
        }
    }

    /// FORBIDDEN: the ring is full, and those who are to read it sleep for ever.
    @Test(arguments: [1, 2])
    func `loops where nobody follows anything keep no ring full`(publishers: Int) {
        let each: UInt64 = 20_000
        let total = UInt64(publishers) * each
        let loops = 2
        let ring = BroadcastRing(slots: 64, readers: loops, bytesMax: 1 << 20)
        let sleepers = Sleepers(loops: loops)
        let interest = Interest(loops: loops, buckets: 4)
        let bells = (0..<loops).map { _ in Bell() }
        let stuck = Shared<[String]>([])
        let rung = Atomic<Int>(0)
        let left = Atomic<Int>(publishers)
        let writers: [@Sendable () -> Void] = (0..<publishers).map { writer in
            {
                for number in 1...each {
                    let message = numbered(number, of: UInt64(writer))
                    let isIn = spin {
                        Self.publish(ring, interest, sleepers, message) {
                            rung.add(1, ordering: .relaxed)
                            bells[$0].ring()
                        } != .full
                    }
                    if !isIn { stuck.update { $0.append("message \(number) of \(writer)") } }
                }
                // What is less than a quarter of the slots stays unread otherwise.
                if left.subtract(1, ordering: .relaxed).newValue == 0 {
                    for bell in bells { bell.ring() }
                }
            }
        }
        let readers: [@Sendable () -> Void] = (0..<loops).map { loop in
            {
                var reader = ring.makeReader(loop)
                while reader.position < total {
                    _ = reader.drain(limit: 16) { _, _ in true }
                    guard reader.position < total else { break }
                    sleepers.announceSleep(loop)
                    if !reader.hasMore, !bells[loop].wait(secondsMax: 20) {
                        stuck.update { $0.append("loop \(loop) at \(reader.position)") }
                        return
                    }
                    sleepers.awake(loop)
                }
            }
        }
        inThreads(readers + writers)
        let wakeUps = rung.load(ordering: .relaxed)
        print("\(wakeUps) wake-ups for \(total) messages that nobody follows")
        #expect(stuck.now == [])
    }
}
