// Clients that take little or nothing: what it costs, and whom.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct SlowClientTests {
    static let streaming: [Transport] = [.raw, .v1, .events, .lines]

    @Test(arguments: streaming)
    func `what a blocked client missed comes when it takes again, before what is live`(
        _ transport: Transport
    ) {
        let world = World(loops: 2)
        let slow = Subscriber(world, transport, ["c"], loop: 1)
        let quick = Subscriber(world, transport, ["c"], loop: 1)
        world.publish("c", "m0")
        slow.client.room = 5
        for number in 1..<10 { world.publish("c", "m\(number)") }
        #expect(slow.client.isBlocked)
        slow.client.unblock()
        // The turn in which it catches up brings live messages, too.
        _ = world.post("c", "m10")
        world.settle()
        world.publish("c", "m11")
        for subscriber in [slow, quick] {
            subscriber.collect()
            #expect(subscriber.data == (0..<12).map { "m\($0)" })
        }
        world.checkInvariants()
    }

    @Test(arguments: streaming)
    func `one who catches up in small steps stays in order with what is live`(
        _ transport: Transport
    ) {
        let world = World { $0.limits.catchUpBytesPerTurnMax = 1 }
        let slow = Subscriber(world, transport, ["c", "d"])
        slow.client.block()
        for number in 0..<20 { world.publish(number % 3 == 0 ? "d" : "c", "m\(number)") }
        slow.client.unblock()
        for number in 20..<30 { _ = world.post("c", "m\(number)") }
        world.settle()
        slow.collect()
        #expect(slow.data == (0..<30).map { "m\($0)" })
    }

    @Test(arguments: streaming)
    func `a backlog of the limit is kept, one byte more ends the connection`(_ transport: Transport)
    {
        let cost = Message(
            channel: ChannelName([0x63], key: HashKey(0, 0)), kind: .text,
            payload: [UInt8](repeating: 0x78, count: 100), timeMilliseconds: 0
        ).cost
        let text = String(repeating: "x", count: 100)
        let probe = Subscriber(World(), transport, ["c"])
        probe.client.block()
        probe.world.publish("c", text)
        let rim = probe.client.kept.count
        #expect(rim >= 100)
        for (limit, kept) in [(rim + 5 * cost, true), (rim + 5 * cost - 1, false)] {
            let world = World { $0.limits.backlogBytesMax = limit }
            let slow = Subscriber(world, transport, ["c"])
            let quick = Subscriber(world, transport, ["c"])
            slow.client.block()
            // The first is with the rim, where it counts, too; the next five wait.
            for _ in 0..<6 { world.publish("c", text) }
            #expect(slow.client.isClosed == (!kept && [.events, .lines].contains(transport)))
            slow.client.unblock()
            world.settle()
            slow.collect()
            quick.collect()
            #expect(quick.data == Array(repeating: text, count: 6))
            if kept {
                #expect(slow.data == Array(repeating: text, count: 6))
                #expect(slow.closeCode == nil && !slow.client.isClosed)
            } else if transport == .raw || transport == .v1 {
                #expect(slow.closeCode == 1013)
                #expect(slow.data == [text])
            }
            #expect(world.shared.counters.total(.slowClosed) == (kept ? 0 : 1))
            world.checkInvariants()
        }
    }

    @Test(arguments: streaming)
    func `one message may always wait, however large, and a second may not`(_ transport: Transport)
    {
        let large = String(repeating: "x", count: 5_000)
        for count in 1...2 {
            let world = World { $0.limits.backlogBytesMax = 1_000 }
            let slow = Subscriber(world, transport, ["c"])
            slow.client.block()
            world.publish("c", "the rim's")
            for _ in 0..<count { world.publish("c", large) }
            slow.client.unblock()
            world.settle()
            slow.collect()
            #expect(slow.isOver == (count == 2))
            #expect(slow.data.count == (count == 1 ? 2 : slow.client.isClosed ? 0 : 1))
        }
    }

    @Test(arguments: streaming.filter(\.hasIDs))
    func `who waits for a past that is long on its way is not slow`(_ transport: Transport) {
        let world = World(loops: 2)
        let channel = world.channel(at: 1)
        world.publish(channel, "m0")
        let patient = Subscriber(world, transport, [channel], after: "first", settled: false)
        _ = world.post(channel, "m1")
        world.turn(0)
        world.pass(31_000)
        _ = world.post(channel, "m2")
        world.turn(0)
        world.settle()
        patient.collect()
        #expect(patient.data == ["m0", "m1", "m2"])
        #expect(!patient.isOver)
    }

    @Test(arguments: streaming.filter(\.hasIDs))
    func `a client closed as slow goes on by its last id, and nothing is missing`(
        _ transport: Transport
    ) {
        let world = World(loops: 2) { $0.limits.backlogBytesMax = 2_000 }
        let slow = Subscriber(world, transport, ["c"], loop: 1)
        world.publish("c", "m0")
        slow.client.block()
        for number in 1..<20 { world.publish("c", "m\(number)") }
        slow.client.unblock()
        world.settle()
        slow.collect()
        #expect(slow.isOver)
        slow.resume(loop: 0, after: slow.lastID)
        world.publish("c", "m20")
        slow.collect()
        #expect(slow.data == (0...20).map { "m\($0)" })
    }

    @Test(arguments: [(29_800, false), (30_200, true)], streaming)
    func `a subscriber that takes nothing is closed after 30 seconds, heartbeat or not`(
        _ time: (UInt64, Bool), _ transport: Transport
    ) {
        for wait: UInt64 in [0, 15_000, 24_000] {
            let world = World()
            let slow = Subscriber(world, transport, ["c"])
            world.advance(wait)
            slow.client.block()
            world.publish("c", "m")
            let steps = time.0 / 100
            for _ in 0..<steps { world.advance(100) }
            #expect(slow.client.isClosed == time.1, "after \(wait)")
        }
    }

    @Test(arguments: streaming)
    func `a subscriber that takes a little at a time is not closed while it does`(
        _ transport: Transport
    ) {
        let world = World()
        let slow = Subscriber(world, transport, ["c"])
        slow.client.block()
        world.publish("c", String(repeating: "m", count: 100))
        for _ in 0..<10 {
            world.advance(29_000)
            slow.client.trickle(1)
        }
        world.advance(29_000)
        #expect(!slow.client.isClosed)
        world.advance(2_000)
        #expect(slow.client.isClosed)
    }

    @Test func `an answer that is taken a little at a time is finished, and then our half ends`() {
        let world = World()
        let slow = world.connect()
        slow.block()
        slow.send(request("/nowhere", ["Connection: close"]))
        for _ in 0..<10 {
            world.advance(29_000)
            slow.trickle(1)
        }
        #expect(!slow.isClosed)
        slow.unblock()
        world.settle()
        #expect(slow.answer()?.status == 404)
        #expect(slow.isEnded)
        world.advance(3_000)
        #expect(slow.isClosed)
    }

    @Test func `a slow client costs no other anything`() {
        let world = World { $0.limits.backlogBytesMax = 1_000 }
        let slow = (0..<5).map { _ in Subscriber(world, .lines, ["c"]) }
        let quick = (0..<5).map { _ in Subscriber(world, .lines, ["c"]) }
        for subscriber in slow { subscriber.client.block() }
        for number in 0..<30 { world.publish("c", "m\(number)") }
        for subscriber in quick {
            subscriber.collect()
            #expect(subscriber.data == (0..<30).map { "m\($0)" })
        }
        #expect(slow.allSatisfy { $0.client.isClosed })
        world.checkInvariants()
    }

    @Test func `a connection whose write fails is gone, and its slot is not given out too early`() {
        let world = World()
        let broken = Subscriber(world, .lines, ["c"])
        broken.client.isBroken = true
        _ = world.post("c", "m")
        // The turn that found out has ended; its order to close has not been carried out.
        let next = world.connect()
        #expect(next.peer.slot != broken.client.peer.slot)
        next.send(request("/nowhere"))
        #expect(next.answer()?.status == 404)
        #expect(broken.client.isClosed)
        world.checkInvariants()
    }

    // MARK: - The ring

    @Test(arguments: 1...3)
    func `a full ring refuses with 503, and what it took comes everywhere`(_ loops: Int) throws {
        let world = World(loops: loops, ringSlots: 8)
        let subscribers = (0..<loops).map { Subscriber(world, .raw, ["c"], loop: $0) }
        var taken: [String] = []
        var refused = 0
        let client = world.connect()
        for number in 0..<20 {
            client.feed(post("/channels/c", "m\(number)"))
            world.turn(0)
            let answer = try #require(client.answer(to: .post))
            if answer.status == 200 {
                taken.append("m\(number)")
            } else {
                #expect(answer.status == 503)
                #expect(answer.head.first("Retry-After") == "1")
                refused += 1
            }
        }
        // Alone, a loop that publishes makes its own room.
        #expect(refused == (loops == 1 ? 0 : 12))
        #expect(world.shared.counters.total(.refusedFull) == UInt64(refused))
        world.settle()
        world.publish("c", "last")
        for subscriber in subscribers {
            subscriber.collect()
            #expect(subscriber.data == taken + ["last"])
        }
    }

    @Test func `a full ring is told to each who publishes in its own way`() {
        let world = World(loops: 2, ringSlots: 2)
        let v1 = world.connect()
        v1.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        let raw = Subscriber(world, .raw, ["c"])
        for _ in 0..<2 { _ = world.post("c", "x") }
        #expect(v1.answer()?.status == 101)
        v1.feed(frame(#"{"op":"publish","channel":"c","data":"y","ref":1}"#))
        raw.client.feed(frame("z"))
        let batch = world.connect()
        batch.feed(post("/publish", #"{"channel":"c","data":"w"}"#))
        world.turn(0)
        #expect(v1.texts().first?.contains(#""code":"full""#) == true)
        raw.collect()
        #expect(raw.closeCode == 1013)
        let answer = batch.answer(to: .post)
        #expect(answer?.text.contains(#""code":"full""#) == true)
        #expect(answer?.head.first("Retry-After") == "1")
        // Loop 1 has not read anything and would hold the ring for ever.
        world.settle()
        #expect(world.post("c", "again") != nil)
    }

    @Test func `a message larger than the ring may hold is refused for good`() {
        let world = World(ringBytesMax: 1_000)
        let client = world.connect()
        client.send(post("/channels/c", String(repeating: "x", count: 2_000)))
        #expect(client.answer(to: .post)?.status == 413)
    }
}
