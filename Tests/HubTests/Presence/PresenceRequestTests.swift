// What a client says of itself, and what it asks.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct PresenceRequestTests {
    @Test(arguments: [
        ("a", true), (String(repeating: "a", count: 128), true),
        (String(repeating: "a", count: 129), false), ("", false), ("%00", false), ("a%0Ab", false),
        ("%7F", false), ("%FF", false), ("%C3%A9%20%22", true),
    ])
    func `a user's name is 1 to 128 bytes of UTF-8 without control characters`(
        _ name: String, _ accepted: Bool
    ) {
        let world = World(present: 1)
        for head in [
            request("/channels/c?timeout=0&user=\(name)"),
            request("/channels/c?user=\(name)", fields: ["Accept: text/event-stream"]),
            upgrade("/channels/c?user=\(name)"),
            upgrade("/connect?user=\(name)", ["Sec-WebSocket-Protocol: carillon.v1"]),
        ] {
            let client = world.connect()
            client.send(head)
            world.settle()
            #expect((client.answer()?.status == 400) == !accepted, "\(head)")
            client.cut()
        }
    }

    @Test func `names are given back as they are`() {
        let world = World(present: 1)
        _ = Subscriber(world, .raw, ["c"], user: "%C3%A9%20%22%5C")
        #expect(world.list("c") == .list("c", ["é \"\\": 1], anonymous: 0))
    }

    @Test func `a request of a kept connection has the name that it says, and no other's`() {
        let world = World(present: 1)
        let client = world.connect()
        client.send(request("/channels/c?timeout=1&user=ada"))
        world.advance(1_100)
        client.send(request("/channels/c?timeout=1"))
        #expect(world.list("c") == .list("c", ["ada": 0], anonymous: 1))
    }

    @Test func `a component's peer has no name, whatever its query and its connection's past`() {
        struct Follows: MessageComponent {
            mutating func onOpen(_ peer: Peer, _ request: RequestView, _ out: inout Outbox) {
                out.subscribe(peer, to: "c")
            }
            mutating func onMessage(_ peer: Peer, _ message: MessageView, _ out: inout Outbox) {}
        }
        let world = World(
            loops: 1, { $0.namespaces.fallback.presence = true },
            components: { _ in [("/chat", Follows())] })
        let client = world.connect()
        client.send(request("/channels/other?timeout=0&user=ada"))
        world.settle()
        client.send(upgrade("/chat?user=ada"))
        #expect(world.list("c") == .list("c", [:], anonymous: 1))
        client.cut()
        let next = world.connect()
        next.send(upgrade("/chat"))
        #expect(world.list("c") == .list("c", [:], anonymous: 1))
    }

    @Test(arguments: 0..<2)
    func `who is there is told over HTTP and by command`(_ home: Int) throws {
        let world = World(present: 2)
        let channel = world.channel(at: home)
        let ada = Subscriber(world, .raw, [channel], loop: 1, user: "ada")
        let client = world.connect()
        client.send(request("/channels/\(channel)/presence"))
        let answer = try #require(client.answer())
        #expect(answer.status == 200)
        #expect(answer.head.first("Content-Type") == "application/json")
        #expect(answer.head.first("Cache-Control") == "no-store")
        #expect(
            answer.text == #"{"channel":"\#(channel)","users":{"ada":1},"anonymous":0}"# + "\n")
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        _ = client.answer()
        client.send(frame(#"{"op":"presence","channel":"\#(channel)","ref":"r"}"#))
        client.send(frame(#"{"op":"presence","channel":"\#(channel)"}"#))
        #expect(
            client.texts() == [
                #"{"ok":"r","channel":"\#(channel)","users":{"ada":1},"anonymous":0}"#,
                #"{"ok":null,"channel":"\#(channel)","users":{"ada":1},"anonymous":0}"#,
            ])
        #expect(!ada.isOver)
    }

    @Test func `where presence is not kept, asking is answered so`() {
        let world = World(loops: 2)
        let client = world.connect()
        client.send(request("/channels/c/presence"))
        #expect(client.answer()?.status == 404)
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        _ = client.answer()
        client.send(frame(#"{"op":"presence","channel":"c","ref":1}"#))
        #expect(client.texts().first?.contains(#""code":"no-presence""#) == true)
    }

    @Test func `who may not read is not told who is there`() {
        let world = World(present: 1) { $0.access.anonymousRead = false }
        let client = world.connect()
        client.send(request("/channels/c/presence"))
        #expect(client.answer()?.status == 401)
    }

    @Test func `another method is not allowed`() {
        let world = World(present: 1)
        let client = world.connect()
        client.send(request("/channels/c/presence", method: "DELETE"))
        let answer = client.answer()
        #expect(answer?.status == 405 && answer?.head.first("Allow") == "GET, OPTIONS")
    }

    @Test(arguments: 0..<2)
    func `requests behind one that waits for the home are answered in order`(_ home: Int) {
        let world = World(present: 2)
        let channel = world.channel(at: home)
        world.publish(channel, "m")
        let client = world.connect(loop: 0)
        client.send(
            request("/channels/\(channel)/presence") + request("/channels/\(channel)/messages")
                + request("/channels/\(channel)/presence"))
        let answers = client.answers()
        #expect(answers.map(\.status) == [200, 200, 200])
        #expect(answers.map { $0.messages.count } == [0, 1, 0])
    }

    @Test func `more lists than one turn may say are refused, and can be had in the next`() {
        let world = World(present: 1) { $0.limits.historyBytesPerTurnMax = 200 }
        let client = world.connect()
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        _ = client.answer()
        let ask = frame(#"{"op":"presence","channel":"c","ref":1}"#)
        client.send(Array(repeatElement(ask, count: 10).joined()))
        let texts = client.texts()
        #expect(texts.count == 10)
        #expect(texts.filter { $0.contains(#""code":"busy""#) }.count >= 5)
        client.send(ask)
        #expect(client.texts().first?.contains("anonymous") == true)
        let other = world.connect()
        client.feed(Array(repeatElement(ask, count: 10).joined()))
        other.feed(request("/channels/c/presence"))
        world.settle()
        #expect(other.answer()?.status == 503)
    }

    @Test func `a home that can't be asked is answered for at once`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        world.fillMailbox(of: 1)
        let client = world.connect(loop: 0)
        client.feed(request("/channels/\(channel)/presence"))
        world.turn(0)
        let answer = client.answer()
        #expect(answer?.status == 503 && answer?.head.first("Retry-After") == "1")
    }
}
