// Long-polling: what one answer holds, and what is between two.

@testable import Hub
import Testing
import Wire

@Suite struct LongPollTests {
    @Test func `an answer holds all that is kept after the id`() throws {
        let world = World()
        let first = world.publish("c", "m0")
        for number in 1..<40 { world.publish("c", "m\(number)") }
        let client = world.connect()
        client.send(request("/channels/c?after=\(first)"))
        let answer = try #require(client.answer())
        #expect(answer.messages.map(\.data) == (1..<40).map { "m\($0)" })
        #expect(answer.head.first("Content-Type") == "application/json")
        #expect(answer.head.first("Carillon-Gap") == nil)
    }

    @Test(arguments: 0..<2, 0..<2)
    func `a message published between two polls comes with the second, and once`(
        _ loop: Int, _ home: Int
    ) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        let poll = Subscriber(world, .poll, [channel], loop: loop)
        world.publish(channel, "live")
        poll.collect()
        for round in 0..<4 {
            world.publish(channel, "a\(round)", loop: 0)
            world.publish(channel, "b\(round)", loop: 1)
            poll.pollAgain()
            world.settle()
            poll.collect()
        }
        #expect(
            poll.data == ["live"] + (0..<4).flatMap { ["a\($0)", "b\($0)"] })
        // Nothing is left to tell.
        poll.pollAgain()
        world.settle()
        poll.collect()
        #expect(poll.isPolling)
    }

    @Test func `at the timeout the answer is 204 with the tag to go on from`() throws {
        let world = World(loops: 2)
        world.publish("c", "before")
        let client = world.connect(loop: 1)
        client.send(request("/channels/c?timeout=5"))
        world.advance(4_900)
        #expect(client.answer() == nil)
        world.advance(200)
        let answer = try #require(client.answer())
        #expect(answer.status == 204)
        let tag = try #require(answer.tag)
        world.publish("c", "between")
        client.send(request("/channels/c", fields: ["If-None-Match: W/\"\(tag)\""]))
        #expect(client.answer()?.messages.map(\.data) == ["between"])
    }

    @Test func `without a timeout asked for it is 25 seconds, up to a tenth of them less`() {
        let world = World()
        let clients = (0..<40).map { _ in world.connect() }
        for client in clients { client.send(request("/channels/c")) }
        world.advance(22_400)
        #expect(clients.allSatisfy { $0.output.isEmpty })
        world.advance(1_200)
        let early = clients.filter { !$0.output.isEmpty }.count
        #expect(early > 0 && early < 40)
        world.advance(1_500)
        #expect(clients.allSatisfy { $0.answer()?.status == 204 })
    }

    @Test(arguments: [
        ("300", true), ("301", false), ("0", true), ("x", false), ("-1", false), ("", false),
    ])
    func `the timeout asked for is a number of seconds up to 300`(_ asked: String, _ accepted: Bool)
    {
        let world = World()
        let client = world.connect()
        client.send(request("/channels/c?timeout=\(asked)"))
        #expect((client.answer()?.status == 400) == !accepted)
    }

    @Test(arguments: 0..<2)
    func `a poll whose time is up while its past is on the way gets the past`(_ home: Int) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        let first = world.publish(channel, "m0")
        world.publish(channel, "m1")
        let client = world.connect(loop: 0)
        client.feed(request("/channels/\(channel)?timeout=0&after=\(first)"))
        world.pass(1_000)
        world.turn(0)
        world.settle()
        world.advance(1_000)
        #expect(client.answer()?.messages.map(\.data) == ["m1"])
    }

    @Test func `a timeout of 0 asks what there is at once`() {
        let world = World()
        let client = world.connect()
        client.send(request("/channels/c?timeout=0&after=first"))
        world.advance(64)
        world.advance(64)
        #expect(client.answer()?.status == 204)
    }

    @Test(arguments: 0..<2)
    func `requests sent behind a poll are answered after it`(_ home: Int) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        let client = world.connect()
        client.send(
            request("/channels/\(channel)?timeout=5") + post("/channels/other", "x")
                + request("/channels/\(channel)/messages") + request("/nowhere"))
        #expect(client.answer() == nil)
        world.publish(channel, "m")
        let answers = client.answers()
        #expect(answers.map(\.status) == [200, 200, 200, 404])
        #expect(answers[0].messages.map(\.data) == ["m"])
        #expect(answers[2].messages.map(\.data) == ["m"])
    }

    @Test func `two polls and a response in one read are three whole responses`() {
        let world = World()
        let id = world.publish("c", "m0")
        world.publish("c", "m1")
        let client = world.connect()
        client.send(
            request("/channels/c?after=\(id)") + request("/nowhere")
                + request("/channels/c?after=\(id)"))
        #expect(client.answers().map(\.status) == [200, 404, 200])
    }

    @Test func `input far ahead of a waiting poll is not read, and not lost`() {
        let world = World { $0.limits.pipelinedBytesMax = 1_000 }
        let client = world.connect()
        client.send(request("/channels/c"))
        for _ in 0..<100 { client.send(request("/nowhere")) }
        #expect(client.isPaused)
        world.publish("c", "m")
        #expect(client.answers().map(\.status) == [200] + Array(repeating: 404, count: 100))
        #expect(!client.isPaused)
    }

    @Test(arguments: [0, 1])
    func `a poll whose messages are all gone is told so at once`(_ home: Int) {
        let world = World(loops: 2) { $0.namespaces.fallback.history = .off }
        let channel = world.channel(at: home)
        let id = world.publish(channel, "gone")
        world.publish(channel, "gone, too")
        let poll = Subscriber(world, .poll, [channel], after: id)
        #expect(poll.gaps == [0])
        #expect(poll.statuses == [200])
        #expect(poll.seen.isEmpty)
        // It goes on from there.
        poll.pollAgain()
        world.publish(channel, "next")
        poll.collect()
        #expect(poll.data == ["next"])
        #expect(poll.gaps == [0])
        world.checkInvariants()
    }

    @Test func `a poll on a quiet channel does not hear of gaps in others`() {
        let world = World { $0.namespaces.fallback.historyMillisecondsMax = 10_000 }
        let poll = Subscriber(world, .poll, ["quiet"])
        for _ in 0..<6 {
            world.publish("loud", "x")
            world.advance(25_000)
            poll.collect()
            poll.pollAgain()
            world.settle()
        }
        #expect(poll.gaps.isEmpty)
        #expect(Set(poll.statuses) == [204])
    }

    @Test func `a GET that waits to be told to send a body gets one whole response`() {
        let world = World()
        let client = world.connect()
        client.feed(
            request(
                "/channels/c?after=first", fields: ["Expect: 100-continue", "Content-Length: 2"]))
        client.feed("{}")
        _ = world.post("c", "m")
        world.settle()
        let answers = client.answers()
        #expect(answers.last?.status == 417 || answers.last?.messages.map(\.data) == ["m"])
        #expect(client.cursor == client.output.count)
    }

    @Test(arguments: 0..<2)
    func `a half-closed client gets what is there for its poll`(_ home: Int) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        world.publish(channel, "m0")
        let client = world.connect()
        client.feed(request("/channels/\(channel)?after=first"))
        client.endInput()
        world.settle()
        #expect(client.answer()?.messages.map(\.data) == ["m0"])
        #expect(client.isEnded)
    }
}
