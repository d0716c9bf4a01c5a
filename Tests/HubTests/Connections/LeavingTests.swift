// The process is about to end: everybody is sent away in the words of their transport.

@testable import Hub
import Testing
import Wire

@Suite struct LeavingTests {
    @Test(arguments: Transport.allCases)
    func `everybody is sent away in the way of their transport`(_ transport: Transport) {
        let world = World(loops: 2)
        let subscriber = Subscriber(world, transport, ["c"])
        world.input(0) { $0.leave() }
        world.settle()
        subscriber.collect()
        switch transport {
        case .raw, .v1:
            #expect(subscriber.closeCode == 1012)
            subscriber.client.send(closeFrame(1012))
        case .events, .lines: break
        case .poll:
            #expect(subscriber.statuses == [204])
            #expect(subscriber.lastID != nil)
        }
        #expect(subscriber.client.isEnded)
        world.advance(10_000)
        #expect(subscriber.client.isClosed)
        #expect(world.loops[0].shard.connectionCount == 0)
        world.checkInvariants()
    }

    @Test func `nobody new is let in, on that loop`() {
        let world = World(loops: 2)
        world.input(0) { $0.leave() }
        #expect(world.tryConnect(loop: 0) == nil)
        #expect(world.tryConnect(loop: 1) != nil)
    }

    @Test func `a message of the last turn is still told`() {
        let world = World()
        let all = Transport.allCases.map { Subscriber(world, $0, ["c"]) }
        let publisher = world.connect()
        publisher.feed(post("/channels/c", "last"))
        world.turn(0)
        world.input(0) { $0.leave() }
        world.settle()
        for subscriber in all {
            subscriber.collect()
            #expect(subscriber.data == ["last"], "\(subscriber.transport)")
        }
        #expect(publisher.answer(to: .post)?.status == 200)
        #expect(publisher.isEnded)
    }

    @Test(arguments: 0..<2)
    func `a poll whose past is on the way still gets it`(_ home: Int) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        world.publish(channel, "m")
        let client = world.connect()
        client.feed(request("/channels/\(channel)?after=first"))
        world.input(0) { $0.leave() }
        world.advance(200)
        world.advance(200)
        let answer = client.answer()
        #expect(answer?.status == 200)
        #expect(answer?.messages.map(\.data) == ["m"])
        #expect(client.isEnded)
    }

    @Test(arguments: [(3, true), (4, false)])
    func `as many connections as the limit are let in, one more is not`(
        _ number: Int, _ accepted: Bool
    ) {
        let world = World { $0.limits.connectionsPerLoopMax = 3 }
        let clients = (0..<number).map { _ in world.tryConnect() }
        #expect((clients.last! != nil) == accepted)
        clients[0]!.cut()
        world.settle()
        #expect(world.tryConnect() != nil)
    }
}
