// Requests and their answers: what is refused with what, and how a connection goes on.

import Bytes
@testable import Hub
import Testing
import Wire

@Suite struct RequestTests {
    static let refusals: [(String, Int)] = [
        (request("/nowhere"), 404),
        (request("/channels/a/b/c"), 404),
        (request("/channels"), 400),
        (request("/channels/"), 400),
        (request("/channels/\(String(repeating: "n", count: 256))"), 400),
        (request("/channels/a%00b"), 400),
        (request("/channels/a%7Fb"), 400),
        (request("/channels/%FF"), 400),
        (request("/channels/%zz"), 400),
        (request("/channels/a", method: "DELETE"), 405),
        (request("/channels/a", method: "PUT"), 405),
        (request("/channels/a/messages?limit=x"), 400),
        (post("/channels/a/messages", "x"), 405),
        (request("/publish"), 405),
        (request("/connect"), 426),
        (post("/channels/a?event=", "x"), 400),
        (post("/channels/a?event=a%0Ab", "x"), 400),
        (post("/channels/a?event=%FF", "x"), 400),
        (post("/channels/a?x=%f", "x"), 400),
        (post("/channels/a", "{", ["Content-Type: application/json"]), 400),
        (post("/channels/a", "", ["Content-Type: application/problem+json; x=y"]), 400),
        (post("/channels?name=a&name=b", "x"), 400),
        ("GET /channels/a HTTP/1.1\r\n\r\n", 400),
        ("GET /channels/a HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        ("GET /\(String(repeating: "x", count: 8_200)) HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (request("/a", fields: ["A: \(String(repeating: "x", count: 17_000))"]), 431),
        (request("/a", fields: (0..<101).map { "A\($0): x" }), 431),
        (request("/channels/a", method: "POST", ["Content-Length: 1048577"]), 413),
        (request("/channels/a", method: "POST", ["Content-Length: 1", "Expect: x"]), 417),
        (request("/channels/a", method: "POST", ["Transfer-Encoding: gzip"]), 501),
    ]

    @Test(arguments: refusals)
    func `what is wrong is refused with the right status and a problem`(
        _ input: String, _ status: Int
    ) {
        let world = World()
        let client = world.connect()
        client.send(input)
        let answer = client.answer(to: .post)
        #expect(answer?.status == status, "\(input.prefix(80))")
        #expect(answer?.head.first("Content-Type") == "application/problem+json")
        #expect(answer?.json["status"] as? Int == status)
        #expect(answer?.json["detail"] as? String != nil)
        #expect(client.cursor == client.output.count)
        world.checkInvariants()
    }

    @Test func `an answer to HEAD has no body, whatever it is`() {
        let world = World()
        let client = world.connect()
        client.send(request("/nowhere", method: "HEAD") + request("/nowhere", method: "HEAD"))
        #expect(client.answer(to: .head)?.status == 404)
        #expect(client.answer(to: .head)?.status == 404)
        #expect(client.cursor == client.output.count)
    }

    @Test func `405 names what is allowed`() {
        let world = World()
        let client = world.connect()
        client.send(request("/channels/a", method: "DELETE"))
        #expect(client.answer()?.head.first("Allow") == "GET, POST, OPTIONS")
    }

    // MARK: - Publishing

    @Test(arguments: [(1 << 20, 200), (1 << 20 + 1, 413)])
    func `a message of the limit is taken, one byte more is not`(_ count: Int, _ status: Int) {
        let world = World()
        let client = world.connect()
        client.send(post("/channels/a", String(repeating: "x", count: count)))
        #expect(client.answer(to: .post)?.status == status)
    }

    @Test func `a chunked body is refused once it is over the limit`() {
        let world = World { $0.limits.messageBytesMax = 10 }
        let client = world.connect()
        client.send(request("/channels/a", method: "POST", ["Transfer-Encoding: chunked"]))
        client.send("a\r\n0123456789\r\n0\r\n\r\n")
        #expect(client.answer(to: .post)?.status == 200)
        client.send(request("/channels/a", method: "POST", ["Transfer-Encoding: chunked"]))
        client.send("a\r\n0123456789\r\n1\r\n")
        let answer = client.answer(to: .post)
        #expect(answer?.status == 413)
        #expect(answer?.json["limit"] as? Int == 10)
        #expect(answer?.json["value"] as? Int == 11)
        #expect(client.isEnded)
    }

    @Test func `an empty message is a message`() {
        let world = World()
        let subscriber = Subscriber(world, .lines, ["a"])
        let client = world.connect()
        client.send(post("/channels/a", "") + request("/channels/a", method: "POST"))
        #expect(client.answers(to: .post).map(\.status) == [200, 200])
        subscriber.collect()
        #expect(subscriber.data == ["", ""])
    }

    @Test func `a client that asks is told to go on before it sends its body`() {
        let world = World()
        let client = world.connect()
        client.send(
            request("/channels/a", method: "POST", ["Content-Length: 2", "Expect: 100-continue"]))
        #expect(client.answer(to: .post)?.status == 100)
        #expect(client.answer(to: .post) == nil)
        client.send("hi")
        #expect(client.answer(to: .post)?.status == 200)
    }

    @Test func `a body over the limit is refused before the client is told to go on`() {
        let world = World { $0.limits.messageBytesMax = 1 }
        let client = world.connect()
        client.send(
            request("/channels/a", method: "POST", ["Content-Length: 2", "Expect: 100-continue"]))
        #expect(client.answer(to: .post)?.status == 413)
        #expect(client.isEnded)
    }

    @Test(arguments: [(128, 200), (129, 400)])
    func `an event name of the limit is taken, one byte more is not`(_ count: Int, _ status: Int) {
        let world = World()
        let client = world.connect()
        client.send(post("/channels/a?event=\(String(repeating: "e", count: count))", "x"))
        #expect(client.answer(to: .post)?.status == status)
    }

    @Test(arguments: [(255, 200), (256, 400)])
    func `a channel name of the limit is taken, one byte more is not`(_ count: Int, _ status: Int) {
        let world = World()
        let client = world.connect()
        client.send(post("/channels/\(String(repeating: "c", count: count))", "x"))
        #expect(client.answer(to: .post)?.status == status)
    }

    @Test(arguments: [(256, 204), (257, 400)])
    func `as many channels as the limit may be followed, one more may not`(
        _ count: Int, _ status: Int
    ) {
        let world = World { $0.limits.http.targetBytesMax = 16_000 }
        let client = world.connect()
        let names = (0..<count).map { "name=\($0)" }.joined(separator: "&")
        client.send(request("/channels?timeout=0&\(names)"))
        world.advance(200)
        #expect(client.answer()?.status == status)
    }

    @Test func `percent-encoded names and plain ones are the same channel`() {
        let world = World()
        let subscriber = Subscriber(world, .raw, ["chat%3Aa%2Fb%20c"])
        world.connect().send(post("/channels?name=chat:a/b+c", "x"))
        subscriber.collect()
        #expect(subscriber.data == ["x"])
    }

    // MARK: - Batch

    @Test func `a batch publishes line by line and answers line by line`() {
        let world = World()
        let subscriber = Subscriber(world, .lines, ["a", "b"])
        let client = world.connect()
        client.send(
            post(
                "/publish",
                """
                {"channel":"a","data":"one"}
                {"channel":"","data":"x"}

                not JSON\r
                {"channel":"b","data":{"n":1},"event":"e"}
                {"channel":"b","data":{"base64":"AAE="}}
                {"channel":"b","data":{"base64":"*"}}
                {"channel":"b"}
                """))
        let answer = client.answer(to: .post)
        #expect(answer?.status == 200)
        #expect(answer?.head.first("Content-Type") == "application/x-ndjson")
        let lines = (answer?.body ?? []).split(separator: 0x0A).map { object(Array($0)) }
        let codes = lines.map {
            ($0["error"] as? [String: Any])?["code"] as? String ?? ($0["id"] != nil ? "id" : "?")
        }
        #expect(
            codes == ["id", "bad-channel", "not-json", "id", "id", "bad-data", "missing"])
        subscriber.collect()
        #expect(subscriber.seen.map(\.channel) == ["a", "b", "b"])
    }

    // MARK: - History

    @Test(arguments: 0..<2)
    func `history gives what is kept after an id, up to a limit`(_ home: Int) throws {
        let world = World(loops: 2) { $0.namespaces.fallback.historyMessagesMax = 5 }
        let channel = world.channel(at: home)
        let client = world.connect()
        func history(_ query: String) -> Answer? {
            client.send(request("/channels/\(channel)/messages\(query)"))
            return client.answer()
        }
        #expect(history("")?.text == "{\"messages\":[]}\n")
        var ids: [String] = []
        for number in 0..<8 { ids.append(world.publish(channel, "m\(number)")) }
        #expect(history("")?.messages.map(\.data) == ["m3", "m4", "m5", "m6", "m7"])
        #expect(history("?limit=2")?.messages.map(\.data) == ["m3", "m4"])
        #expect(history("?limit=0")?.messages.isEmpty == true)
        #expect(history("?limit=999999999")?.messages.count == 5)
        let after = try #require(history("?after=\(ids[5])&limit=1"))
        #expect(after.messages.map(\.data) == ["m6"])
        #expect(after.messages.map(\.id) == [ids[6]])
        #expect(after.head.first("Carillon-Gap") == nil)
        #expect(history("?after=\(ids[1])")?.head.first("Carillon-Gap") == "true")
        #expect(history("?after=\(ids[2])")?.head.first("Carillon-Gap") == nil)
        #expect(history("?after=other-1")?.head.first("Carillon-Gap") == "true")
    }

    @Test(arguments: 0..<2)
    func `requests behind a history request are answered after it`(_ home: Int) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        world.publish(channel, "m")
        let client = world.connect()
        client.feed(request("/channels/\(channel)/messages") + request("/nowhere"))
        client.feed(post("/channels/x", "y"))
        world.settle()
        #expect(client.answers().map(\.status) == [200, 404, 200])
    }

    // MARK: - Keeping alive and ending

    @Test func `a connection goes on until it is told to close`() {
        let world = World()
        let client = world.connect()
        client.send(request("/nowhere"))
        #expect(client.answer()?.head.keepAlive == true)
        client.send(request("/nowhere", fields: ["Connection: close"]))
        #expect(client.answer()?.head.keepAlive == false)
        #expect(client.isEnded && !client.isClosed)
        client.endInput()
        world.settle()
        #expect(client.isClosed)
        #expect(world.loops[0].shard.connectionCount == 0)
    }

    @Test func `HTTP 1.0 is closed unless it asks not to be`() {
        let world = World()
        let first = world.connect()
        first.send("GET /nowhere HTTP/1.0\r\n\r\n")
        #expect(first.isEnded)
        let second = world.connect()
        second.send("GET /nowhere HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(second.answer()?.head.listContains("Connection", token: "keep-alive") == true)
        #expect(!second.isEnded)
    }

    @Test func `after an end of ours the peer's is awaited for two seconds`() {
        let world = World()
        let client = world.connect()
        client.send(request("/nowhere", fields: ["Connection: close"]))
        world.advance(1_900)
        #expect(!client.isClosed)
        world.advance(200)
        #expect(client.isClosed)
    }

    @Test(arguments: [
        ("", 10_000), ("GET", 10_000), ("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 60_000),
    ])
    func `a request is awaited so long and no longer`(_ input: String, _ milliseconds: UInt64) {
        let world = World()
        let client = world.connect()
        client.send(input)
        world.advance(milliseconds - 100)
        #expect(!client.isEnded && !client.isClosed)
        world.advance(200)
        #expect(client.isEnded || client.isClosed)
        if input == "GET" { #expect(client.answer()?.status == 408) }
    }

    @Test func `a body is awaited so long and no longer`() {
        let world = World()
        let client = world.connect()
        client.send(request("/channels/a", method: "POST", ["Content-Length: 2"]) + "x")
        world.advance(29_900)
        #expect(client.output.isEmpty)
        world.advance(200)
        #expect(client.answer(to: .post)?.status == 408)
        #expect(client.isEnded)
    }

    @Test(arguments: [
        ("gzip", 415), ("identity, br", 415), ("identity", 200), ("Identity", 200),
    ])
    func `a body in a content coding is refused`(_ coding: String, _ status: Int) {
        let world = World()
        let client = world.connect()
        client.send(post("/channels/a", "x", ["Content-Encoding: \(coding)"]))
        let answer = client.answer(to: .post)
        #expect(answer?.status == status)
        #expect(client.isEnded == (status == 415))
        client.endInput()
        #expect(
            Subscriber(world, .lines, ["a"], after: "first").seen.count == (status == 200 ? 1 : 0))
    }

    @Test(arguments: 0..<2)
    func `a client that has ended its half gets every answer, then our end`(_ home: Int) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        let client = world.connect()
        client.feed(post("/channels/\(channel)", "x") + request("/channels/\(channel)/messages"))
        for _ in 0..<150 { client.feed(request("/nowhere")) }
        client.feed("GET /unfinished")
        client.endInput()
        world.settle()
        let answers = client.answers()
        #expect(answers.map(\.status) == [200, 200] + Array(repeating: 404, count: 150))
        #expect(answers[1].messages.map(\.data) == ["x"])
        #expect(client.isEnded)
        // There is no half of the client's left to linger for.
        world.advance(200)
        #expect(client.isClosed)
        world.checkInvariants()
    }

    @Test func `a client that has asked nothing and ends is closed`() {
        let world = World()
        let client = world.connect()
        client.endInput()
        world.settle()
        #expect(client.isClosed)
    }

    // MARK: - Slow readers of answers

    @Test func `further requests of a client that takes nothing wait`() {
        let world = World()
        let client = world.connect()
        client.room = 10
        client.send(request("/nowhere"))
        #expect(client.isBlocked)
        for _ in 0..<5 { client.send(post("/channels/a", "x")) }
        #expect(client.kept.count < 600)
        client.unblock()
        world.settle()
        #expect(client.answers().map(\.status) == [404, 200, 200, 200, 200, 200])
    }

    @Test func `an answer that is taken bit by bit is not cut off by the request's deadlines`() {
        let world = World()
        let client = world.connect()
        for _ in 0..<6 {
            client.room = 10
            client.send(request("/nowhere"))
            world.advance(25_000)
            client.unblock()
            world.settle()
        }
        #expect(client.answers().map(\.status) == Array(repeating: 404, count: 6))
        #expect(!client.isClosed)
    }

    @Test(arguments: [(29_800, false), (30_200, true)])
    func `a client that takes nothing at all is closed after 30 seconds`(
        _ milliseconds: UInt64, _ closed: Bool
    ) {
        let world = World()
        let client = world.connect()
        client.block()
        client.send(request("/nowhere"))
        world.advance(milliseconds)
        #expect(client.isClosed == closed)
    }

    @Test func `what is on its way to a half-closed slow client has the backlog's time`() {
        let world = World()
        let client = world.connect()
        client.block()
        client.send(request("/nowhere"))
        client.endInput()
        world.advance(20_000)
        #expect(!client.isClosed)
        client.unblock()
        world.settle()
        #expect(client.answer()?.status == 404)
        #expect(client.isEnded)
    }

    // MARK: - Split anywhere

    static let streams: [String] = [
        request("/nowhere") + post("/channels/a", "{\"n\":1}", ["Content-Type: application/json"])
            + request("/channels/a/messages"),
        request("/channels/a", method: "POST", ["Transfer-Encoding: chunked"])
            + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n"
            + request("/channels/a/messages?limit=1"),
        request("/channels/a?after=first") + request("/channels/b", method: "DELETE"),
        post("/publish", "{\"channel\":\"a\",\"data\":\"x\"}\n") + "\r\n" + request("/none")
            + "GET / HTTP/1.1\nHost: h\n\n",
    ]

    @Test(arguments: streams)
    func `requests split at any byte get the same answers`(_ stream: String) {
        let bytes = Array(stream.utf8)
        func output(_ pieces: [[UInt8]], turnBetween: Bool) -> String {
            let world = World()
            world.publish("a", "past")
            let client = world.connect()
            for piece in pieces {
                if turnBetween { client.send(piece) } else { client.feed(piece) }
            }
            world.settle()
            world.checkInvariants()
            return client.text
        }
        let whole = output([bytes], turnBetween: false)
        #expect(!whole.isEmpty)
        for at in 1..<bytes.count {
            let pieces = [Array(bytes[..<at]), Array(bytes[at...])]
            #expect(output(pieces, turnBetween: false) == whole, "split at \(at)")
            #expect(output(pieces, turnBetween: true) == whole, "split at \(at), with a turn")
        }
        #expect(output(bytes.map { [$0] }, turnBetween: false) == whole)
        #expect(output(bytes.map { [$0] }, turnBetween: true) == whole)
    }

    @Test func `a flood of requests in one read is answered in order, over several turns`() {
        let world = World { $0.limits.responseBytesPerTurnMax = 5_000 }
        let client = world.connect()
        var input = ""
        for number in 0..<200 { input += post("/channels/a\(number % 3)", "\(number)") }
        client.send(input)
        let ids = client.answers(to: .post).map { $0.json["id"] as? String ?? "" }
        #expect(ids == ids.sorted { $0.count < $1.count || ($0.count == $1.count && $0 < $1) })
        #expect(Set(ids).count == 200)
    }
}
