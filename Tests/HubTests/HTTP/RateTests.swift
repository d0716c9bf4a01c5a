// How often one connection may publish and command.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct RateTests {
    private func open(_ world: World, _ fields: [String] = []) -> Client {
        let client = world.connect()
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"] + fields))
        #expect(client.answer()?.status == 101)
        return client
    }

    @Test func `as many publishes as the limit in one read, one more is told 429`() {
        let world = World { $0.limits.publishesPerSecondMax = 3 }
        let client = world.connect()
        client.send((0..<4).map { post("/channels/a", "\($0)") }.joined())
        let answers = client.answers(to: .post)
        #expect(answers.map(\.status) == [200, 200, 200, 429])
        #expect(answers.last?.json["limit"] as? Int == 3)
        #expect(answers.last?.json["value"] as? Int == 4)
        #expect(answers.last?.head.first("Retry-After") == "1")
        #expect(!client.isEnded)
        world.advance(1_000)
        client.send(post("/channels/a", "again"))
        #expect(client.answer(to: .post)?.status == 200)
        let other = world.connect()
        other.send(post("/channels/a", "x"))
        #expect(other.answer(to: .post)?.status == 200)
        #expect(world.shared.counters.value(0, .refusedRate) == 1)
    }

    @Test func `what a connection has published is not held against the next in its slot`() {
        let world = World { $0.limits.publishesPerSecondMax = 1 }
        var slots: Set<Int> = []
        for _ in 0..<3 {
            let client = world.connect()
            client.send(post("/channels/a", "x"))
            #expect(client.answer(to: .post)?.status == 200)
            slots.insert(client.peer.slot)
            client.cut()
            world.settle()
        }
        #expect(slots.count == 1)
    }

    @Test func `each line of a batch counts`() {
        let world = World { $0.limits.publishesPerSecondMax = 2 }
        let client = world.connect()
        let line = "{\"channel\":\"a\",\"data\":1}\n"
        client.send(post("/publish", line + line + line))
        let answer = client.answer(to: .post)
        #expect(answer?.head.first("Retry-After") == "1")
        let lines = (answer?.body ?? []).split(separator: 0x0A).map { object(Array($0)) }
        #expect(lines.map { $0["id"] != nil } == [true, true, false])
        let error = lines.last?["error"] as? [String: Any]
        #expect(error?["code"] as? String == "rate")
        #expect(error?["limit"] as? Int == 2)
        #expect(error?["value"] as? Int == 3)
    }

    @Test func `a raw WebSocket over the limit is closed with 1008`() {
        let world = World { $0.limits.publishesPerSecondMax = 2 }
        let subscriber = Subscriber(world, .lines, ["a"])
        let client = world.connect()
        client.send(upgrade("/channels/a"))
        #expect(client.answer()?.status == 101)
        client.send(frame("one") + frame("two") + frame("three"))
        let own = ["one", "two"].map {
            WebSocketDecoder.Event.message(text: true, payload: Array($0.utf8), compressed: false)
        }
        let reason = "more than 2 messages within a second; the message was not published"
        #expect(client.events() == own + [.close(code: 1008, reason: Array(reason.utf8))])
        subscriber.collect()
        #expect(subscriber.data == ["one", "two"])
    }

    @Test func `commands over the limit are refused, publishing is measured apart`() {
        let world = World {
            $0.limits.commandsPerSecondMax = 2
            $0.limits.publishesPerSecondMax = 1
        }
        let client = open(world)
        let publish = frame(#"{"op":"publish","channel":"a","data":1,"ref":0}"#)
        client.send(
            publish + publish
                + (1...3).flatMap { frame("{\"op\":\"ping\",\"ref\":\($0)}") })
        let answers = client.texts().map { object(Array($0.utf8)) }
        #expect(answers.map { $0["ok"] as? Int } == [0, nil, 1, 2, nil])
        for (index, limit) in [(1, 1), (4, 2)] {
            let error = answers[index]["error"] as? [String: Any]
            #expect(error?["code"] as? String == "rate")
            #expect(error?["limit"] as? Int == limit)
        }
        world.advance(500)
        client.send(frame(#"{"op":"ping","ref":9}"#))
        #expect(client.texts() == [#"{"ok":9}"#])
    }

    @Test func `who holds a key is not metered`() {
        let world = World {
            $0.access.apiKeys = [Array("k".utf8)]
            $0.limits.publishesPerSecondMax = 1
            $0.limits.commandsPerSecondMax = 1
        }
        let key = "Authorization: Bearer k"
        let client = world.connect()
        client.send((0..<3).map { post("/channels/a", "\($0)", [key]) }.joined())
        #expect(client.answers(to: .post).map(\.status) == [200, 200, 200])
        let socket = open(world, [key])
        socket.send((1...3).flatMap { frame("{\"op\":\"ping\",\"ref\":\($0)}") })
        #expect(socket.texts().count == 3)
        // On the same connection, one request with the key does not open the door for others.
        client.send(post("/channels/a", "x") + post("/channels/a", "y"))
        #expect(client.answers(to: .post).map(\.status) == [200, 429])
    }
}
