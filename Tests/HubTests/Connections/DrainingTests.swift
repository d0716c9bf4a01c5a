// Sent away over a time: steadily, in random order, each after all that was published before.
//
// A failing seed is printed; `CARILLON_SEED=n swift test --filter DrainingTests` runs it alone.

import Bytes
@testable import Hub
import Testing
import Wire

@Suite struct DrainingTests {
    /// A world in which few connections are a crowd, too.
    private func world(loops: Int = 1, seed: UInt64 = 7) -> World {
        World(loops: loops, seed: seed) { $0.limits.farewellsPerSecondMin = 1 }
    }

    private func ended(_ subscribers: [Subscriber]) -> Int {
        subscribers.count { $0.client.isEnded }
    }

    private func hasLeft(_ world: World) -> Bool { world.loops[0].shard.hasLeft }

    // MARK: - The rate

    @Test(arguments: seeds(20))
    func `at every moment the number sent away is within one of the plan`(_ seed: UInt64) {
        let world = world(seed: seed)
        let subscribers = (0..<60).map { _ in
            Subscriber(world, .lines, ["c"], settled: false)
        }
        world.settle()
        // 8 seconds, of which a quarter is for the last ones: ten a second.
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        for tick in 0...65 {
            let sent = ended(subscribers)
            let plan = min(tick * 100, 6_000) * 60 / 6_000
            #expect(abs(sent - plan) <= 1, "seed \(seed): \(sent) sent, \(plan) due")
            world.advance(100)
        }
        #expect(ended(subscribers) == subscribers.count)
        world.checkInvariants("seed \(seed)")
    }

    @Test(arguments: seeds(20))
    func `one channel's members do not go one after the other`(_ seed: UInt64) {
        let world = world(seed: seed)
        let one = (0..<50).map { _ in Subscriber(world, .lines, ["a"], settled: false) }
        let other = (0..<50).map { _ in Subscriber(world, .lines, ["b"], settled: false) }
        world.settle()
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        while ended(one) + ended(other) < 50 {
            world.advance(60)
        }
        // In order, all of one and none of the other; by chance, fewer than 10 of one is rarer than
        // one in a hundred million.
        #expect(ended(one) >= 10, "seed \(seed)")
        #expect(ended(other) >= 10, "seed \(seed)")
    }

    @Test func `few connections do not take the whole time`() {
        let world = World()
        let subscribers = (0..<10).map { _ in Subscriber(world, .events, ["c"]) }
        world.input(0) { $0.leave(withinMilliseconds: 3_600_000) }
        // A hundred a second.
        world.advance(100)
        #expect(ended(subscribers) == subscribers.count)
        for subscriber in subscribers { subscriber.client.endInput() }
        world.settle()
        #expect(hasLeft(world))
    }

    @Test func `the loop sleeps until the next one's time`() {
        let world = world()
        let subscribers = (0..<4).map { _ in Subscriber(world, .lines, ["c"]) }
        world.input(0) { $0.leave(withinMilliseconds: 4_000) }
        world.settle()
        for number in 0..<4 {
            let already = ended(subscribers)
            #expect(already == number)
            let due = world.loops[0].shard.nextDeadline
            #expect(due > world.now.monotonicMilliseconds)
            while world.now.monotonicMilliseconds + 1 < due { world.advance(1) }
            #expect(ended(subscribers) == number)
            while ended(subscribers) == number,
                world.now.monotonicMilliseconds < 10_000
            {
                world.advance(1)
            }
        }
        #expect(ended(subscribers) == subscribers.count)
    }

    @Test func `who was behind when its time came is soon looked at again`() {
        let world = world()
        let subscriber = Subscriber(world, .lines, ["c"])
        subscriber.client.block()
        world.publish("c", "m")
        world.publish("c", "n")
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        world.advance(6_000)
        #expect(!subscriber.client.isEnded)
        let due = world.loops[0].shard.nextDeadline
        #expect(due > world.now.monotonicMilliseconds)
        #expect(due <= world.now.monotonicMilliseconds + 50)
    }

    @Test func `whom a message still awaits is looked at at once`() {
        var jitter = Jitter(seed: 7)
        let now = Instant(monotonicMilliseconds: 10, unixMilliseconds: 0)
        var farewells = Farewells([0, 1], now: now, spread: 0, total: 100, &jitter)
        farewells.call(now: now, published: 5, &jitter)
        #expect(farewells.called.count == 2)
        #expect(farewells.target == 5)
        #expect(farewells.nextMilliseconds(after: now) == 11)
        // Nobody else is called, and nobody is owed more, before these have gone.
        farewells.call(now: now, published: 6, &jitter)
        #expect(farewells.target == 5)
    }

    @Test func `when the time is up, whoever is left is sent away`() {
        let world = world()
        let silent = world.connect()
        let half = world.connect()
        half.feed("GET /channels/c HTTP/1.1\r\nHo")
        world.settle()
        world.input(0) { $0.leave(withinMilliseconds: 4_000) }
        world.advance(3_999)
        #expect(!silent.isEnded && !half.isEnded)
        #expect(!hasLeft(world))
        world.advance(1)
        #expect(silent.isEnded && half.isEnded)
        #expect(hasLeft(world))
    }

    // MARK: - The words

    @Test(arguments: Transport.allCases)
    func `everybody is told in the way of their transport, and when to return`(
        _ transport: Transport
    ) throws {
        let world = world()
        let subscriber = Subscriber(world, transport, ["c"])
        let id = world.publish("c", "m")
        subscriber.collect()
        if transport == .poll { subscriber.pollAgain() }
        world.settle()
        world.input(0) { $0.leave(withinMilliseconds: 4_000) }
        world.advance(3_000)
        switch transport {
        case .raw, .v1:
            let events = subscriber.client.events()
            guard case .close(let code, let reason) = events.last else {
                Issue.record("\(events)")
                return
            }
            #expect(code == 1012)
            let words = String(decoding: reason, as: UTF8.self)
            let wait = try #require(Int(words.dropFirst("restarting; retry=".count)))
            #expect((1_000..<5_000).contains(wait))
            #expect(events.count == (transport == .v1 ? 2 : 1))
            if case .message(true, let payload, _) = events[0] {
                let notice = object(payload)["restarting"] as? [String: Any]
                #expect(notice?["retry"] as? Int == wait)
            }
        case .events:
            _ = subscriber.client.serverEvents()
            let wait = try #require(subscriber.client.stream.retryMilliseconds)
            #expect((1_000..<5_000).contains(wait))
            #expect(subscriber.client.text.hasSuffix("retry: \(wait)\n\n"))
        case .lines: #expect(subscriber.client.lines().isEmpty)
        case .poll:
            let answer = try #require(subscriber.client.answer())
            #expect(answer.status == 204)
            #expect(answer.head.first("Connection") == "close")
            #expect(answer.tag == id)
        }
    }

    @Test func `hints differ from client to client`() {
        let world = world()
        let all = (0..<20).map { _ in Subscriber(world, .events, ["c"]) }
        world.input(0) { $0.leave() }
        world.settle()
        for one in all { one.collect() }
        #expect(Set(all.map(\.client.stream.retryMilliseconds)).count > 10)
    }

    // MARK: - Requests

    @Test func `an idle connection ends at once, one that is new may still ask`() {
        let world = world()
        let idle = world.connect()
        idle.send(request("/channels/c/messages"))
        #expect(idle.answer()?.head.first("Connection") != "close")
        let new = world.connect()
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        world.settle()
        #expect(idle.isEnded)
        #expect(!new.isEnded)
        new.send(post("/channels/c", "m"))
        let answer = new.answer(to: .post)
        #expect(answer?.status == 200)
        #expect(answer?.head.first("Connection") == "close")
        #expect(new.isEnded)
    }

    @Test func `a request cut at any point is answered, and is the last`() {
        let whole = Array(post("/channels/c", "body").utf8)
        for cut in 1..<whole.count {
            let world = world()
            let client = world.connect()
            client.send(Array(whole[..<cut]))
            world.input(0) { $0.leave(withinMilliseconds: 8_000) }
            // Its time comes while the rest is still on its way.
            world.advance(6_500)
            client.send(Array(whole[cut...]))
            let answer = client.answer(to: .post)
            #expect(answer?.status == 200, "cut at \(cut)")
            #expect(answer?.head.first("Connection") == "close")
            #expect(client.isEnded)
            world.checkInvariants("cut at \(cut)")
        }
    }

    @Test func `a further request on a connection that was idle before is answered, too`() {
        let world = world()
        let client = world.connect()
        client.send(request("/channels/c/messages"))
        _ = client.answer()
        client.send("GET /channels/c/messages HT")
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        world.settle()
        client.send("TP/1.1\r\nHost: h\r\n\r\n")
        #expect(client.answer()?.status == 200)
        #expect(client.isEnded)
    }

    @Test(arguments: Transport.allCases)
    func `who subscribes meanwhile is let in, and sent away when its time comes`(
        _ transport: Transport
    ) {
        let world = world()
        let id = world.publish("c", "before")
        let subscriber = Subscriber(world, transport, ["c"], after: "first", settled: false)
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        world.advance(7_000)
        subscriber.collect()
        #expect(subscriber.data == ["before"])
        #expect(subscriber.isOver)
        if transport.hasIDs { #expect(subscriber.lastID == id) }
    }

    // MARK: - Nothing lost

    @Test(arguments: Transport.allCases)
    func `messages go on to those who are still there`(_ transport: Transport) {
        let world = world(loops: 2)
        let subscribers = (0..<12).map { _ in Subscriber(world, transport, ["c"]) }
        let publisher = world.connect(loop: 1)
        world.input(0) { $0.leave(withinMilliseconds: 12_000) }
        var published: [String] = []
        for number in 0..<100 {
            // Whoever is still there when this is published must get it.
            let present = subscribers.filter { !$0.isOver }
            publisher.feed(post("/channels/c", "\(number)"))
            world.turn(1)
            published.append("\(number)")
            world.advance(100)
            for subscriber in present {
                subscriber.collect()
                // A poll ends with its answer, and is not asked again on a connection that ends.
                let expected = transport == .poll ? ["0"] : published
                if transport == .poll, number > 0 { continue }
                #expect(subscriber.data == expected || subscriber.isOver)
                #expect(subscriber.data == Array(published.prefix(subscriber.data.count)))
                if !subscriber.isOver { #expect(subscriber.data.count == published.count) }
            }
        }
        let over = subscribers.count { $0.isOver }
        #expect(over == subscribers.count)
    }

    @Test(arguments: [Transport.raw, .v1, .events, .lines])
    func `what was published before its time comes reaches it, though the loop is behind`(
        _ transport: Transport
    ) {
        let world = World(loops: 2) {
            $0.limits.farewellsPerSecondMin = 1
            $0.limits.drainMessagesPerTurnMax = 1
        }
        let subscriber = Subscriber(world, transport, ["c"])
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        world.advance(1)
        for number in 0..<20 { _ = world.post("c", "\(number)", loop: 1) }
        world.pass(6_000)
        world.settle()
        subscriber.collect()
        #expect(subscriber.isOver)
        #expect(subscriber.data == (0..<20).map { "\($0)" })
    }

    @Test(arguments: [Transport.raw, .v1, .events, .lines])
    func `who is slow gets what waits for it before it goes`(_ transport: Transport) {
        let world = world()
        let subscriber = Subscriber(world, transport, ["c"])
        subscriber.client.block()
        for number in 0..<20 { world.publish("c", "\(number)") }
        world.input(0) { $0.leave(withinMilliseconds: 20_000) }
        world.advance(16_000)
        subscriber.collect()
        #expect(!subscriber.isOver)
        subscriber.client.unblock()
        world.settle()
        world.advance(100)
        subscriber.collect()
        #expect(subscriber.isOver)
        #expect(subscriber.data == (0..<20).map { "\($0)" })
        world.checkInvariants()
    }

    @Test(arguments: [Transport.raw, .v1, .events, .lines])
    func `who catches up gets all of its past before it goes`(_ transport: Transport) {
        let world = World(loops: 2) {
            $0.limits.farewellsPerSecondMin = 1
            $0.limits.catchUpBytesPerTurnMax = 1
        }
        let channel = world.channel(at: 1)
        for number in 0..<20 { world.publish(channel, "\(number)", loop: 1) }
        let subscriber = Subscriber(world, transport, [channel], after: "first", settled: false)
        world.turn(0)
        world.input(0) { $0.leave(withinMilliseconds: 8_000) }
        world.pass(6_500)
        world.settle()
        world.advance(100)
        subscriber.collect()
        #expect(subscriber.data == (0..<20).map { "\($0)" })
        #expect(subscriber.isOver)
    }
}
