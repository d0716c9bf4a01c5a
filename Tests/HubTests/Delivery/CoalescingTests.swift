// When a loop leaves messages in the ring for a while, and when it does not.

@testable import Hub
import Testing

@Suite struct CoalescingTests {
    /// Has delivered `messages`, in a turn that began 2 ms after the one before it.
    private func after(
        _ messages: UInt64, in microseconds: UInt64, millisecondsMax: UInt64 = 8
    ) -> Coalescing {
        var coalescing = Coalescing()
        coalescing.delivered(1, writes: 1, in: 0, now: 98, millisecondsMax: millisecondsMax)
        coalescing.delivered(
            messages, writes: 1, in: microseconds, now: 100, millisecondsMax: millisecondsMax)
        return coalescing
    }

    @Test func `a loop that keeps up delivers at once`() {
        #expect(after(1, in: 1_499).until == nil)
        #expect(after(3, in: 499).until == nil)
    }

    @Test func `a loop that does not waits three times as long as it has written, within a limit`() {
        #expect(after(1, in: 1_500).until == 100 + 6)
        #expect(after(2, in: 1_000).until == 100 + 1 + 3)
        #expect(after(9, in: 50_000).until == 100 + 50 + 8)
        #expect(after(9, in: 50_000, millisecondsMax: 0).until == nil)
    }

    @Test func `less than a millisecond is not waited for`() {
        #expect(after(1_000, in: 333).until == nil)
        #expect(after(1_000, in: 334).until == 101)
    }

    @Test func `the ring is read when the time is over, or when it presses`() {
        var coalescing = after(2, in: 1_000)
        expect(coalescing.isOver(now: 103, waiting: 1, isPressing: false), false)
        expect(coalescing.isOver(now: 104, waiting: 1, isPressing: false), true)
        coalescing = after(2, in: 1_000)
        expect(coalescing.isOver(now: 101, waiting: 1, isPressing: true), true)
        #expect(coalescing.until == nil)
    }

    private func expect(
        _ outcome: Bool, _ expected: Bool, _ place: SourceLocation = #_sourceLocation
    ) {
        #expect(outcome == expected, sourceLocation: place)
    }

    /// - Returns: how many turns go by until it waits again.
    private func refrained(_ coalescing: inout Coalescing) -> Int? {
        for turn in 0..<1_000 {
            coalescing.delivered(1_000, writes: 1, in: 2_000, now: 200, millisecondsMax: 8)
            if coalescing.until != nil { return turn }
        }
        return nil
    }

    @Test func `waiting that brings nothing is left off, for longer each time`() {
        var coalescing = after(2, in: 1_000)
        for turns in [1, 3, 7, 15, 31, 63, 127, 127] {
            expect(coalescing.isOver(now: 101, waiting: 3, isPressing: false), false)
            expect(coalescing.isOver(now: 300, waiting: 3, isPressing: false), true)
            let refrained = refrained(&coalescing)
            #expect(refrained == turns)
        }
        expect(coalescing.isOver(now: 101, waiting: 3, isPressing: false), false)
        expect(coalescing.isOver(now: 300, waiting: 4, isPressing: false), true)
        let turns = refrained(&coalescing)
        #expect(turns == 0, "it has brought something")
    }

    @Test func `messages that each need a write of their own are not waited for`() {
        var coalescing = Coalescing()
        coalescing.delivered(100, writes: 100, in: 0, now: 98, millisecondsMax: 8)
        coalescing.delivered(800, writes: 790, in: 1_400, now: 100, millisecondsMax: 8)
        #expect(coalescing.until == nil)
    }

    @Test(arguments: [(149, 2), (150, 0)])
    func `waiting that saves less than a third of the writes is left off`(
        _ deliveries: UInt64, _ turns: Int
    ) {
        var coalescing = after(2, in: 1_000)
        expect(coalescing.isOver(now: 101, waiting: 3, isPressing: false), false)
        expect(coalescing.isOver(now: 300, waiting: 4, isPressing: false), true)
        coalescing.delivered(deliveries, writes: 100, in: 100_000, now: 200, millisecondsMax: 8)
        let refrained = coalescing.until != nil ? 0 : refrained(&coalescing).map { $0 + 1 }
        #expect(refrained == turns)
    }

    @Test func `a wait in which nothing came says nothing`() {
        var coalescing = after(2, in: 1_000)
        expect(coalescing.isOver(now: 101, waiting: 0, isPressing: false), false)
        expect(coalescing.isOver(now: 300, waiting: 0, isPressing: false), true)
        let turns = refrained(&coalescing)
        #expect(turns == 0)
    }
}

@Suite struct CoalescingTurnTests {
    /// A loop that has just written for 2 ms, and one who follows on it.
    private func busy(
        _ transport: Transport = .lines, ringSlots: Int = 1 << 10
    ) -> (World, Subscriber) {
        let world = World(ringSlots: ringSlots)
        let subscriber = Subscriber(world, transport, ["news"])
        _ = Subscriber(world, .lines, ["elsewhere"])
        world.turnMicroseconds = 2_000
        #expect(world.post("elsewhere", "m") != nil)
        #expect(world.post("news", "first") != nil)
        subscriber.collect()
        #expect(subscriber.data == ["first"], "it was idle before")
        return (world, subscriber)
    }

    @Test func `a publisher is answered at once, and followers get the messages together`() {
        let (world, subscriber) = busy()
        #expect(world.post("news", "second") != nil)
        #expect(world.post("news", "third") != nil)
        subscriber.collect()
        #expect(subscriber.data == ["first"])
        let shard = world.loops[0]
        let (hasWork, deadline) = (shard.shard.hasWork, shard.shard.nextDeadline)
        #expect(!hasWork)
        #expect(deadline == world.now.monotonicMilliseconds + 8)
        world.pass(7)
        world.turn(0)
        subscriber.collect()
        #expect(subscriber.data == ["first"])
        world.pass(1)
        world.turn(0)
        subscriber.collect()
        #expect(subscriber.data == ["first", "second", "third"])
    }

    @Test func `a message that comes later than that waits for nothing`() {
        let (world, subscriber) = busy()
        world.pass(10)
        #expect(world.post("news", "second") != nil)
        subscriber.collect()
        #expect(subscriber.data == ["first", "second"])
    }

    @Test func `who subscribes now begins after the messages that wait, which are delivered`() {
        let (world, subscriber) = busy()
        #expect(world.post("news", "second") != nil)
        let late = Subscriber(world, .lines, ["news"], settled: false)
        world.turn(0)
        subscriber.collect()
        #expect(subscriber.data == ["first", "second"])
        world.settle()
        late.collect()
        #expect(late.data == [])
    }

    @Test func `a ring that is a quarter full is read at once`() {
        let (world, subscriber) = busy(ringSlots: 8)
        #expect(world.post("news", "second") != nil)
        subscriber.collect()
        #expect(subscriber.data == ["first"])
        #expect(world.post("news", "third") != nil)
        world.turn(0)
        subscriber.collect()
        #expect(subscriber.data == ["first", "second", "third"])
    }

    @Test func `a loop that sends everybody away waits no more`() {
        let (world, subscriber) = busy()
        #expect(world.post("news", "second") != nil)
        world.input(0) { $0.leave(withinMilliseconds: 10_000) }
        world.turn(0)
        subscriber.collect()
        #expect(subscriber.data == ["first", "second"])
    }
}
