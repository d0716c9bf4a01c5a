// What a loop uses again for the next request must not be seen in it.

import Bytes
@testable import Hub
import Testing
import Wire

@Suite struct ScratchTests {
    /// How the requests reach the gateway.
    enum Route: CaseIterable {
        case oneConnection, twoConnections, inPieces
    }

    private static let origin = "https://news.example"

    /// Everything that a request may say, in as many bytes as is usual.
    private static let long = post(
        "/channels/news%3A1?event=edited&ttl=60",
        #"{"text":"\#(String(repeating: "x", count: 900))"}"#,
        [
            "Content-Type: application/json", "Origin: \(origin)", "Idempotency-Key: \"key 1\"",
            "User-Agent: \(String(repeating: "y", count: 200))",
        ])

    private func v1(_ world: World, _ target: String = "/connect") -> Client {
        let client = world.connect()
        client.send(upgrade(target, ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        return client
    }

    // MARK: - Requests

    @Test(arguments: Route.allCases)
    func `a short request behind a long one says only what it says itself`(_ route: Route) {
        let world = World { $0.access.allowedOrigins = [Self.origin] }
        let subscriber = v1(world, "/channels/c")
        let client = world.connect()
        client.send(Self.long)
        let first = client.answer(to: .post)
        #expect(first?.head.first("Access-Control-Allow-Origin") == Self.origin)
        let next = route == .twoConnections ? world.connect() : client
        let short = Array(post("/channels/c", "m").utf8)
        if route == .inPieces {
            next.send(Array(short.dropLast()))
            next.send([short.last!])
        } else {
            next.send(short)
        }
        let answer = next.answer(to: .post)
        #expect(answer?.status == 200)
        #expect(answer?.head.first("Access-Control-Allow-Origin") == nil)
        #expect(answer?.text.hasPrefix(#"{"id":""#) == true && answer?.json.count == 1)
        #expect(next.cursor == next.output.count)
        let envelope = subscriber.texts().last.map { object(Array($0.utf8)) }
        #expect(envelope?["data"] as? String == "m")
        #expect(envelope?["event"] == nil)
        world.checkInvariants()
    }

    @Test func `an answer holds nothing of the longer one before`() {
        let world = World()
        let client = world.connect()
        let lines = (0..<50).map { #"{"channel":"c","data":\#($0)}"# }.joined(separator: "\n")
        for (body, count) in [(lines, 50), (#"{"channel":"c","data":1}"#, 1)] {
            client.send(post("/publish", body))
            let answers = client.answer(to: .post)?.text.split(separator: "\n") ?? []
            #expect(answers.count == count)
            #expect(answers.allSatisfy { $0.hasPrefix(#"{"id":""#) })
        }
        client.send(post("/publish", ""))
        #expect(client.answer(to: .post)?.text == "")
    }

    @Test func `a request that waits keeps its head while others come`() {
        let world = World { $0.access.anyOrigin = true }
        let (poller, sender, other) = (world.connect(), world.connect(), world.connect())
        poller.send(request("/channels/c", ["Origin: https://poller.example"]))
        let whole = Array(post("/channels/c", "mine", ["Origin: https://sender.example"]).utf8)
        sender.send(Array(whole.dropLast(2)))
        for count in 1...3 {
            let fields = ["Origin: https://other-\(count).example"]
            other.send(post("/channels/\(count)", "theirs", fields))
            #expect(
                other.answer(to: .post)?.head.first("Access-Control-Allow-Origin")
                    == "https://other-\(count).example")
        }
        sender.send(Array(whole.suffix(2)))
        #expect(
            sender.answer(to: .post)?.head.first("Access-Control-Allow-Origin")
                == "https://sender.example")
        let answer = poller.answer()
        #expect(answer?.messages.map(\.data) == ["mine"])
        #expect(
            answer?.head.first("Access-Control-Allow-Origin") == "https://poller.example")
    }

    // MARK: - Commands

    @Test(arguments: [false, true])
    func `a short command behind a long one says only what it says itself`(_ isOther: Bool) {
        let world = World()
        let subscriber = v1(world, "/channels/c")
        let client = v1(world)
        let text = String(repeating: "x", count: 900)
        client.send(
            frame(#"{"op":"publish","channel":"c","data":"\#(text)","event":"e","ref":"long"}"#))
        #expect(client.texts().count == 1)
        let next = isOther ? v1(world) : client
        next.send(frame(#"{"op":"publish","channel":"c","data":"m"}"#))
        #expect(next.texts() == [])
        let envelopes = subscriber.texts().map { object(Array($0.utf8)) }
        #expect(envelopes.map { $0["data"] as? String } == [text, "m"])
        #expect(envelopes.last?["event"] == nil)
        next.send(frame("x"))
        #expect(next.texts().first?.contains("ref") == false)
        next.send(frame(#"{"op":"ping","ref":7}"#))
        #expect(next.texts() == [#"{"ok":7}"#])
    }

    @Test func `a command in several frames is read whole behind one in a single frame`() {
        let world = World()
        let client = v1(world)
        client.send(frame(#"{"op":"ping","ref":"\#(String(repeating: "x", count: 500))"}"#))
        _ = client.texts()
        let command = Array(#"{"op":"ping","ref":8}"#.utf8)
        client.send(
            frame(.text, Array(command.prefix(9)), final: false)
                + frame(.continuation, Array(command.dropFirst(9))))
        #expect(client.texts() == [#"{"ok":8}"#])
    }

    // MARK: - Bounds

    @Test(arguments: [(Scratch.bytesKept - 256, true), (Scratch.bytesKept + 1, false)])
    func `memory up to the bound is kept, more is not`(_ count: Int, _ isKept: Bool) throws {
        var scratch = Scratch()
        var object = scratch.takeObject()
        object.bytes = [UInt8](repeating: 0x20, count: count)
        scratch.giveBack(&object)
        #expect((scratch.commandBytes.capacity >= count) == isKept)
        #expect((scratch.commandBytes.capacity == 0) == !isKept)

        let start = "GET / HTTP/1.1\r\nHost: h\r\nA: "
        // The table of fields has its share, too.
        let value = String(repeating: "x", count: count - start.utf8.count - 4 - 1_024)
        var limits = HTTP1Limits()
        limits.headBytesMax = 1 << 20
        let padding = isKept ? "" : String(repeating: "x", count: 1_024)
        let bytes = Array("\(start)\(value)\(padding)\r\n\r\n".utf8)
        scratch.giveBack(try RequestHead(bytes.span, limits: limits))
        #expect((scratch.head != nil) == isKept)
    }

    @Test func `a message of a MiB leaves no such memory behind, whichever way it came`() {
        let world = World()
        let big = String(repeating: "x", count: (1 << 20) - 100)
        let client = v1(world)
        client.send(frame(#"{"op":"publish","channel":"c","data":"\#(big)","ref":1}"#))
        #expect(client.texts().count == 1)
        let requester = world.connect()
        requester.send(post("/channels/c", big))
        let line = #"{"channel":"c","data":1}"# + "\n"
        requester.send(post("/publish", String(repeating: line, count: 5_000)))
        #expect(requester.answers(to: .post).map(\.status) == [200, 200])
        let scratch = world.loops[0].shard.scratch
        #expect(scratch.commandBytes.capacity <= Scratch.bytesKept)
        #expect(scratch.answer.isEmpty && scratch.answer.capacity <= Scratch.bytesKept)
    }

    // MARK: - Polls

    /// Its answer is made of all that the connection is owed.
    @Test func `a poll behind an answer of the same turn is a poll, however its path is spelled`() {
        for path in ["/channels/c", "/%63hannels/c", "/channels?name=c"] {
            let world = World()
            let client = world.connect()
            client.send(
                post("/channels/c", "m")
                    + request("\(path)\(path.contains("?") ? "&" : "?")after=first"))
            #expect(client.answer(to: .post)?.json["id"] != nil, "\(path)")
            #expect(client.answer()?.messages.map(\.data) == ["m"], "\(path)")
            #expect(client.cursor == client.output.count, "\(path)")
        }
    }
}
