// What a loop keeps of channels, and when it lets go.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct HousingTests {
    @Test
    func `a channel without followers goes when its history has aged and nobody remembers it`() {
        let world = World(loops: 2) { $0.limits.channelMemoryMillisecondsMax = 600_000 }
        for number in 0..<100 { _ = world.post("c\(number)", "m") }
        world.settle()
        #expect(world.loops.reduce(0) { $0 + $1.shard.channels.count } == 100)
        world.advance(599_000)
        #expect(world.loops.reduce(0) { $0 + $1.shard.channels.count } == 100)
        world.advance(2_001)
        world.advance(1_001)
        #expect(world.loops.reduce(0) { $0 + $1.shard.channels.count } == 0)
        world.checkInvariants()
    }

    @Test func `one who resumes after all has aged is told of a gap`() {
        let world = World()
        let first = world.publish("c", "m0")
        let second = world.publish("c", "m1")
        world.advance(300_001)
        world.advance(1_001)
        let early = Subscriber(world, .lines, ["c"], after: first)
        let late = Subscriber(world, .lines, ["c"], after: second)
        #expect(early.gaps == [0])
        #expect(late.gaps == [])
    }

    @Test func `what a channel has lost is not forgotten with the channel`() {
        let world = World { $0.limits.channelMemoryMillisecondsMax = 600_000 }
        let first = world.publish("c", "m0")
        let second = world.publish("c", "m1")
        world.advance(601_001)
        world.advance(1_001)
        #expect(world.loops[0].shard.channels.count == 0)
        let early = Subscriber(world, .lines, ["c"], after: first)
        let late = Subscriber(world, .lines, ["c"], after: second)
        #expect(early.gaps == [0])
        #expect(late.gaps == [])
    }

    @Test func `one who resumes where nothing happened is not told of others' gaps`() {
        let world = World(loops: 2)
        let id = world.publish("quiet", "m0")
        for transport in Transport.allCases {
            for number in 0..<5 { world.publish("loud\(number)", "m") }
            world.advance(300_001)
            world.advance(1_001)
            let again = Subscriber(world, transport, ["quiet"], loop: 1, after: id)
            #expect(again.gaps.isEmpty && again.closeCode == nil, "\(transport)")
            again.client.cut()
        }
    }

    @Test func `a past that finds the mailbox full comes when there is room`() {
        let world = World(loops: 2)
        let channel = world.channel(at: 1)
        world.publish(channel, "m0")
        let subscriber = Subscriber(
            world, .lines, [channel], loop: 0, after: "first", settled: false)
        let nobody = Peer(loop: 0, slot: 99, generation: 1)
        while world.shared.mailboxes[0].post(.close(nobody, code: 1000, reason: [])) {}
        world.turn(1)
        #expect(world.loops[1].shard.nextDeadline <= world.now.monotonicMilliseconds + 10)
        world.settle()
        world.turn(1)
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == ["m0"])
    }

    @Test func `without history nothing is kept, and no name either`() {
        let world = World(loops: 2) { $0.namespaces.fallback.historyMessagesMax = 0 }
        let subscriber = Subscriber(world, .lines, ["c"])
        let first = world.publish("c", "m0")
        for number in 0..<50 { world.publish("d\(number)", "m") }
        subscriber.collect()
        #expect(subscriber.data == ["m0"])
        #expect(world.loops.reduce(0) { $0 + $1.shard.channels.count } == 1)
        world.publish("c", "m1")
        let late = Subscriber(world, .lines, ["c"], after: first)
        #expect(late.gaps == [0] && late.seen.isEmpty)
    }

    @Test(arguments: [(3, 200), (4, 503)])
    func `as many channels as a loop may know are followed, one more is not`(
        _ count: Int, _ status: Int
    ) {
        let world = World { $0.limits.channelsPerLoopMax = 3 }
        var last: Client?
        for number in 0..<count {
            last = world.connect()
            last?.send(request("/channels/c\(number)?timeout=0"))
        }
        if status == 503 {
            #expect(last?.answer()?.status == 503)
        } else {
            #expect(last?.answer() == nil)
        }
        world.checkInvariants()
    }

    @Test func `a message of a channel that finds no room is delivered and not kept`() {
        let world = World { $0.limits.channelsPerLoopMax = 1 }
        let subscriber = Subscriber(world, .lines, ["c"])
        let id = world.publish("c", "m")
        world.publish("d", "n")
        subscriber.collect()
        #expect(subscriber.data == ["m"])
        let client = world.connect()
        client.send(request("/channels/d/messages?after=\(id)"))
        let answer = client.answer()
        #expect(answer?.messages.isEmpty == true)
        #expect(answer?.head.first("Carillon-Gap") == "true")
    }

    @Test func `the counters go up and down with what they count`() {
        let world = World(loops: 2)
        let all = Transport.allCases.map { Subscriber(world, $0, ["a", "b"], loop: 1) }
        world.checkInvariants()
        for subscriber in all { subscriber.client.cut() }
        world.settle()
        world.checkInvariants()
    }
}
