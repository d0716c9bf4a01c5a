// Messages of a namespace with a batch window wait for each other, and for nothing else.

@testable import Hub
import Testing

@Suite struct BatchWindowTests {
    private func world(loops: Int = 1, ringSlots: Int = 1 << 10) -> World {
        World(loops: loops, ringSlots: ringSlots) {
            var ticks = Namespace(name: Array("ticks".utf8))
            ticks.batchMilliseconds = 10
            $0.namespaces.add(ticks)
        }
    }

    private func turn(_ world: World, after milliseconds: UInt64, _ subscriber: Subscriber) {
        world.pass(milliseconds)
        world.turn(0)
        subscriber.collect()
    }

    @Test(arguments: Transport.allCases)
    func `the first one waits as long as the window, and the others go with it`(
        _ transport: Transport
    ) {
        let world = world()
        let subscriber = Subscriber(world, transport, ["ticks:a"])
        #expect(world.post("ticks:a", "m0") != nil, "it is answered at once")
        turn(world, after: 9, subscriber)
        #expect(world.post("ticks:a", "m1") != nil)
        subscriber.collect()
        #expect(subscriber.data == [])
        let hasWork = world.loops[0].shard.hasWork
        #expect(!hasWork)
        let deadline = world.loops[0].shard.nextDeadline
        #expect(deadline == world.now.monotonicMilliseconds + 1)
        turn(world, after: 1, subscriber)
        #expect(subscriber.data == ["m0", "m1"])
        // The next one begins a window of its own.
        subscriber.pollAgain()
        world.turn(0)
        #expect(world.post("ticks:a", "m2") != nil)
        turn(world, after: 9, subscriber)
        #expect(subscriber.data.count == 2)
        turn(world, after: 1, subscriber)
        #expect(subscriber.data == ["m0", "m1", "m2"])
    }

    @Test func `a message without a window takes along what waits before it`() {
        let world = world()
        let both = Subscriber(world, .lines, ["ticks:a", "news"])
        #expect(world.post("ticks:a", "m0") != nil)
        both.collect()
        #expect(both.data == [])
        #expect(world.post("news", "m1") != nil)
        both.collect()
        #expect(both.data == ["m0", "m1"])
    }

    @Test func `what nobody here follows hurries nobody`() {
        let world = world()
        let subscriber = Subscriber(world, .lines, ["ticks:a"])
        #expect(world.post("ticks:a", "m0") != nil)
        #expect(world.post("news", "m1") != nil)
        turn(world, after: 9, subscriber)
        #expect(subscriber.data == [])
        turn(world, after: 1, subscriber)
        #expect(subscriber.data == ["m0"])
    }

    @Test func `another loop's window is its own, and history is whole on any`() {
        let world = world(loops: 2)
        let channel = world.channel(at: 0, "ticks:c")
        #expect(world.post(channel, "m0", loop: 1) != nil)
        let late = Subscriber(world, .lines, [channel], loop: 1, after: "first")
        late.collect()
        #expect(late.data == ["m0"])
    }

    @Test func `who subscribes now does not get what waits`() {
        let world = world()
        let subscriber = Subscriber(world, .lines, ["ticks:a"])
        #expect(world.post("ticks:a", "m0") != nil)
        let late = Subscriber(world, .lines, ["ticks:a"], settled: false)
        world.turn(0)
        subscriber.collect()
        #expect(subscriber.data == ["m0"])
        world.settle()
        late.collect()
        #expect(late.data == [])
    }

    @Test func `a ring that is a quarter full is read at once`() {
        let world = world(ringSlots: 8)
        let subscriber = Subscriber(world, .lines, ["ticks:a"])
        #expect(world.post("ticks:a", "m0") != nil)
        subscriber.collect()
        #expect(subscriber.data == [])
        #expect(world.post("ticks:a", "m1") != nil)
        world.turn(0)
        subscriber.collect()
        #expect(subscriber.data == ["m0", "m1"])
    }
}
