// Who is woken for a message: those who read it, and everybody before the ring is full.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct CallsTests {
    /// The loops that are to have a turn.
    private func awake(_ world: World) -> [Int] {
        world.loops.indices.filter { world.loops[$0].isAwake }
    }

    /// Two channels that share a bucket.
    private func twins(_ world: World) -> (String, String) {
        let interest = world.shared.interest
        func bucket(_ name: String) -> Int {
            interest.bucket(of: ChannelName(Array(name.utf8), key: world.settings.hashKey))
        }
        let other = (0...).first { bucket("d\($0)") == bucket("c") }!
        return ("c", "d\(other)")
    }

    @Test func `only loops where somebody follows the channel are woken for its messages`() {
        let world = World(loops: 4)
        let followers = [1, 3].map { Subscriber(world, .lines, ["news"], loop: $0) }
        _ = Subscriber(world, .lines, ["elsewhere"], loop: 2)
        #expect(awake(world) == [])
        #expect(world.post("news", "m") != nil)
        #expect(awake(world) == [1, 3])
        world.settle()
        for follower in followers {
            follower.collect()
            #expect(follower.data == ["m"])
        }
    }

    @Test func `a loop is woken until its last follower has left`() {
        let world = World(loops: 2)
        let followers = (0..<2).map { _ in Subscriber(world, .lines, ["news"], loop: 1) }
        for (left, follower) in followers.enumerated() {
            #expect(world.post("news", "m") != nil)
            #expect(awake(world) == [1], "\(left) have left")
            world.settle()
            follower.client.cut()
            world.settle()
        }
        #expect(world.post("news", "m") != nil)
        #expect(awake(world) == [])
    }

    @Test func `a channel that shares its bucket with one that is left is followed still`() {
        let world = World(loops: 2)
        let (left, kept) = twins(world)
        let follower = Subscriber(world, .lines, [kept], loop: 1)
        for leaver in (0..<2).map({ _ in Subscriber(world, .lines, [left], loop: 1) }) {
            leaver.client.cut()
            world.settle()
        }
        #expect(world.post(kept, "m") != nil)
        #expect(awake(world) == [1])
        world.settle()
        follower.client.cut()
        world.settle()
        #expect(world.post(kept, "m") != nil)
        #expect(awake(world) == [])
    }

    @Test func `what nobody follows is read within a second, by its home too`() {
        let world = World(loops: 3)
        world.settle()
        #expect(world.post(world.channel(at: 2), "m", loop: 1) != nil)
        #expect(awake(world) == [])
        #expect(world.shared.ring.bytesHeld > 0)
        world.advance(999)
        #expect(world.shared.ring.bytesHeld > 0)
        world.advance(1)
        #expect(world.shared.ring.bytesHeld == 0)
    }

    @Test func `everybody is woken once a quarter of the ring's slots is not read`() {
        let world = World(loops: 3, ringSlots: 16)
        world.settle()
        for _ in 0..<3 { #expect(world.post("news", "m") != nil) }
        #expect(awake(world) == [])
        #expect(world.post("news", "m") != nil)
        #expect(awake(world) == [1, 2])
        world.settle()
        #expect(world.shared.ring.bytesHeld == 0)
    }

    @Test func `a ring that nobody reads promptly refuses nothing`() {
        let world = World(loops: 3, ringSlots: 8)
        for _ in 0..<100 {
            #expect(world.post("news", "m") != nil)
            for loop in awake(world) { world.turn(loop) }
        }
    }

    @Test func `a message that finds no room wakes everybody, so that it does the next time`() {
        let world = World(loops: 2, ringBytesMax: 4_000)
        world.settle()
        let text = String(repeating: "x", count: 3_500)
        #expect(world.post("news", "m") != nil)
        #expect(world.post("news", text) == nil)
        #expect(awake(world) == [1])
        world.settle()
        #expect(world.post("news", text) != nil)
    }

    @Test func `a loop that leaves messages in the ring is woken for the first of them alone`() {
        let world = World(loops: 2)
        let follower = Subscriber(world, .lines, ["news"], loop: 1)
        world.turnMicroseconds = 2_000
        for _ in 0..<2 {
            #expect(world.post("news", "m") != nil)
            world.turn(1)
        }
        follower.collect()
        #expect(follower.data.count == 2)
        #expect(world.post("news", "first") != nil)
        #expect(awake(world) == [1])
        world.turn(1)
        #expect(world.post("news", "second") != nil)
        #expect(awake(world) == [])
        follower.collect()
        #expect(follower.data.count == 2)
        world.settle()
        follower.collect()
        #expect(follower.data.dropFirst(2) == ["first", "second"])
    }

    @Test(arguments: [false, true])
    func `the reader of the durable history is woken for what is durable`(_ isDurable: Bool) {
        var settings = Settings(
            epoch: Epoch.make(random: 1), hashKey: HashKey(1, 2), loops: 2)
        if isDurable { settings.namespaces.fallback.durability = .interval }
        let shared = Shared(settings: settings, durable: DurableProgress(), hasLogReader: true)
        var shard = Shard(
            index: 0, shared: shared,
            now: Instant(monotonicMilliseconds: 0, unixMilliseconds: 0), seed: 1)
        let name = ChannelName(Array("news".utf8), key: settings.hashKey)
        _ = shard.publish(Publication(channel: name, kind: .text, payload: []))
        let calls = shard.output.calls
        #expect(calls == Calls(toRead: isDurable ? [2] : []))
        shard.end()
    }
}
