// What may wait for all slow clients of a loop together.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct BacklogTotalTests {
    private let text = String(repeating: "x", count: 1_000)

    @Test(arguments: SlowClientTests.streaming)
    func `over the share, those for whom most waits are let go, and nobody else`(
        _ transport: Transport
    ) {
        let world = World { $0.limits.backlogBytesTotalMax = 100_000 }
        let greedy = (0..<2).map { _ in Subscriber(world, transport, ["loud"]) }
        let modest = (0..<10).map { _ in Subscriber(world, transport, ["quiet"]) }
        for subscriber in greedy + modest { subscriber.client.block() }
        for _ in 0..<2 { world.publish("quiet", text) }
        for number in 0..<120 {
            world.publish("loud", "\(number)\(text)")
            #expect(world.loops[0].shard.backlog.bytes <= 100_000)
        }
        #expect(greedy.allSatisfy { $0.client.isClosed })
        #expect(world.shared.counters.total(.slowClosed) == 2)
        for subscriber in modest {
            subscriber.client.unblock()
            world.settle()
            subscriber.collect()
            #expect(subscriber.data == [text, text] && !subscriber.isOver)
        }
        world.checkInvariants()
    }

    @Test func `under drop-oldest the worst lose half of what waits, and stay`() {
        let world = SlowPolicyTests.world { $0.limits.backlogBytesTotalMax = 100_000 }
        let slow = (0..<4).map { _ in Subscriber(world, .lines, ["old:c"]) }
        for subscriber in slow { subscriber.client.block() }
        for number in 0..<100 {
            world.publish("old:c", "\(number)\(text)")
            #expect(world.loops[0].shard.backlog.bytes <= 100_000)
        }
        #expect(world.shared.counters.total(.slowClosed) == 0)
        #expect(world.shared.counters.total(.slowDropped) > 200)
        for subscriber in slow {
            subscriber.client.unblock()
            world.settle()
            subscriber.collect()
            #expect(subscriber.data.last == "99\(text)" && subscriber.gaps == [1])
            #expect(subscriber.data.count > 5)
        }
        world.checkInvariants()
    }

    @Test func `many messages of one drain are held to the share, too`() {
        let world = World(loops: 2) { $0.limits.backlogBytesTotalMax = 2 * 50_000 }
        let slow = (0..<5).map { _ in Subscriber(world, .lines, ["c"], loop: 1) }
        let quick = Subscriber(world, .lines, ["c"], loop: 1)
        for subscriber in slow { subscriber.client.block() }
        world.publish("c", "first")
        for number in 0..<200 { _ = world.post("c", "\(number)\(text)", loop: 0) }
        world.turn(1)
        #expect(world.loops[1].shard.backlog.bytes <= 50_000)
        world.settle()
        quick.collect()
        #expect(quick.data.count == 201)
        world.checkInvariants()
    }

    @Test func `what the rim keeps counts, also of an answer that nobody reads`() {
        let world = World { $0.limits.backlogBytesTotalMax = 200_000 }
        for number in 0..<50 { world.publish("c", "\(number)\(text)") }
        let clients = (0..<6).map { _ in world.connect() }
        for client in clients {
            client.block()
            client.send(request("/channels/c/messages"))
            #expect(world.loops[0].shard.backlog.bytes <= 200_000)
        }
        #expect(clients.contains { $0.isClosed } && clients.contains { !$0.isClosed })
        for client in clients where !client.isClosed {
            client.unblock()
            world.settle()
            #expect(client.answer()?.messages.count == 50)
        }
        #expect(world.loops[0].shard.backlog.bytes == 0)
        world.checkInvariants()
    }

    @Test func `what the rim has written meanwhile counts no more`() {
        let world = World()
        let slow = Subscriber(world, .lines, ["c"])
        slow.client.block()
        world.publish("c", text)
        let kept = slow.client.kept.count
        #expect(world.loops[0].shard.backlog.bytes == kept)
        slow.client.trickle(400)
        #expect(world.loops[0].shard.backlog.bytes == kept - 400)
    }

    @Test func `an answer that was asked for does not make a client slow by itself`() {
        let world = World { $0.limits.backlogBytesMax = 20_000 }
        for number in 0..<50 { world.publish("c", "\(number)\(text)") }
        let client = world.connect()
        client.send(upgrade("/channels/d", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        client.block()
        client.send(frame(#"{"op":"history","channel":"c","ref":1}"#))
        #expect(client.kept.count > 50_000)
        for number in 0..<5 { world.publish("d", "\(number)\(text)") }
        client.unblock()
        world.settle()
        #expect(client.texts().count == 6)
        #expect(!client.isClosed)
    }

    @Test func `a client that is closed with its close frame under way counts until it is gone`() {
        let world = World {
            $0.limits.backlogBytesMax = 5_000
            $0.limits.backlogBytesTotalMax = 12_000
        }
        let slow = Subscriber(world, .raw, ["c"])
        slow.client.block()
        world.publish("c", String(repeating: "y", count: 3_000))
        for _ in 0..<4 { world.publish("c", text) }
        #expect(!slow.client.isClosed && world.shared.counters.total(.slowClosed) == 1)
        #expect(world.loops[0].shard.backlog.bytes >= 3_000)
        world.advance(5_100)
        #expect(slow.client.isClosed)
        #expect(world.loops[0].shard.backlog.bytes == 0)
        world.checkInvariants()
    }
}
