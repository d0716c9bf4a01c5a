// WebSocket connections: handshakes, frames that break a rule, heartbeats, closing.

import Bytes
@testable import Hub
import Testing
import Wire

@Suite struct WebSocketTests {
    /// A connection past its handshake.
    private func open(
        _ world: World, _ target: String = "/channels/c", _ fields: [String] = [], loop: Int = 0
    ) -> Client {
        let client = world.connect(loop: loop)
        client.send(upgrade(target, fields))
        let status = client.answer()?.status
        #expect(status == 101)
        return client
    }

    // MARK: - Handshake

    @Test func `the handshake of RFC 6455 is answered as it says`() throws {
        let world = World()
        let client = world.connect()
        client.send(upgrade("/channels/c"))
        let answer = try #require(client.answer())
        #expect(answer.status == 101)
        #expect(answer.head.first("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(answer.head.first("Upgrade") == "websocket")
        #expect(answer.head.listContains("Connection", token: "upgrade"))
        #expect(answer.head.first("Sec-WebSocket-Protocol") == nil)
        #expect(answer.head.first("Sec-WebSocket-Extensions") == nil)
    }

    @Test func `carillon.v1 is chosen where it is offered`() throws {
        let world = World()
        for offer in ["carillon.v1", "other, carillon.v1"] {
            let client = world.connect()
            client.send(upgrade("/channels/c", ["Sec-WebSocket-Protocol: \(offer)"]))
            #expect(client.answer()?.head.first("Sec-WebSocket-Protocol") == "carillon.v1")
        }
        let client = world.connect()
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: other"]))
        #expect(client.answer()?.status == 400)
    }

    static let refused: [(String, Int)] = [
        (upgrade("/channels/c").replacing("Version: 13", with: "Version: 8"), 426),
        (upgrade("/channels/c").replacing("Sec-WebSocket-Version: 13\r\n", with: ""), 426),
        (upgrade("/channels/c").replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "short"), 400),
        (upgrade("/channels/c").replacing("Sec-WebSocket-Key", with: "X"), 400),
        (upgrade("/channels/c", ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]), 400),
    ]

    @Test(arguments: refused)
    func `a handshake that breaks a rule is refused, and the connection goes on`(
        _ input: String, _ status: Int
    ) {
        let world = World()
        let client = world.connect()
        client.send(input + request("/nowhere"))
        #expect(client.answers().map(\.status) == [status, 404])
    }

    @Test func `frames may come with the handshake, split at any byte`() {
        let bytes =
            Array(upgrade("/channels/c").utf8) + frame("one") + frame(.ping, [1]) + frame("two")
        for at in 1..<bytes.count {
            let world = World()
            let client = world.connect()
            client.feed(Array(bytes[..<at]))
            client.feed(Array(bytes[at...]))
            world.settle()
            #expect(client.answer()?.status == 101)
            let texts = client.texts()
            #expect(texts == ["one", "two"], "split at \(at)")
        }
    }

    @Test func `compression is agreed on, and what is compressed can be read`() {
        let world = World()
        let subscriber = open(
            world, "/channels/c", ["Sec-WebSocket-Extensions: permessage-deflate"])
        let text = String(repeating: "carillon ", count: 100)
        world.publish("c", text)
        world.publish("c", "short")
        let events = subscriber.events()
        #expect(events.count == 2)
        guard case .message(true, let payload, true) = events.first else {
            Issue.record("\(events)")
            return
        }
        #expect(payload.count < 100)
        #expect(
            events.last == .message(text: true, payload: Array("short".utf8), compressed: false))
    }

    // MARK: - Breaches

    static let breaches: [(bytes: [UInt8], code: UInt16)] = [
        ([0x81, 0x01, 0x78], 1002),
        ([0xC1, 0x81, 0, 0, 0, 0, 0x78], 1002),
        ([0x83, 0x80, 0, 0, 0, 0], 1002),
        ([0x89, 0xFE, 0, 126, 0, 0, 0, 0], 1002),
        ([0x09, 0x80, 0, 0, 0, 0], 1002),
        ([0x80, 0x80, 0, 0, 0, 0], 1002),
        (frame(.text, [0x78], final: false) + frame("y"), 1002),
        ([0x81, 0xFE, 0, 1, 0, 0, 0, 0, 0x78], 1002),
        (frame(.text, [0xFF]), 1007),
        (frame(.text, [0xC3]), 1007),
        (frame(.close, [3]), 1002),
        (frame(.close, [0x03, 0xED]), 1002),
        (frame(.close, [0x03, 0xE8, 0xFF]), 1007),
        ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], 1009),
    ]

    @Test(arguments: breaches)
    func `a breach is answered with its code, ends the connection and touches no other`(
        _ bytes: [UInt8], _ code: UInt16
    ) {
        let world = World(loops: 2)
        let others = [open(world), open(world, loop: 1)]
        let client = open(world)
        client.send(frame("before"))
        client.send(bytes + frame("after"))
        let events = client.events()
        guard case .close(code, let reason) = events.last else {
            Issue.record("\(events)")
            return
        }
        #expect(!reason.isEmpty)
        #expect(client.isEnded)
        world.publish("c", "later")
        for other in others { #expect(other.texts() == ["before", "later"]) }
        #expect(client.events().isEmpty)
        client.endInput()
        world.settle()
        #expect(client.isClosed)
        world.checkInvariants()
    }

    @Test(arguments: [(10, nil), (11, 1009)] as [(Int, UInt16?)])
    func `a message of the limit is taken, one byte more is not`(_ count: Int, _ code: UInt16?) {
        let world = World { $0.limits.messageBytesMax = 10 }
        let subscriber = Subscriber(world, .raw, ["c"])
        subscriber.client.send(frame(String(repeating: "x", count: count)))
        subscriber.collect()
        #expect(subscriber.closeCode == code)
        #expect(subscriber.seen.count == (code == nil ? 1 : 0))
    }

    @Test func `fragments with a ping between make one message`() {
        let world = World()
        let client = open(world)
        client.send(
            frame(.text, Array("one ".utf8), final: false) + frame(.ping, [7])
                + frame(.continuation, Array("two".utf8)))
        #expect(
            client.events() == [
                .pong([7]), .message(text: true, payload: Array("one two".utf8), compressed: false),
            ])
    }

    // MARK: - Closing

    @Test(arguments: [nil, 1000, 1001, 3000, 4999] as [UInt16?])
    func `a close frame is answered with its code, then the connection ends`(_ code: UInt16?) {
        let world = World()
        let client = open(world)
        client.send(closeFrame(code) + frame("too late"))
        #expect(client.events() == [.close(code: code, reason: [])])
        #expect(client.isEnded)
        client.endInput()
        world.settle()
        #expect(client.isClosed)
        world.checkInvariants()
    }

    @Test func `after our close frame the peer's is awaited, five seconds at most`() {
        let world = World { $0.access.anonymousPublish = false }
        let polite = open(world)
        polite.send(frame("x"))
        guard case .close(1008, _) = polite.events().last else {
            Issue.record("no close frame")
            return
        }
        #expect(!polite.isEnded)
        polite.send(closeFrame(1008))
        #expect(polite.isEnded)
        let silent = open(world)
        silent.send(frame("x"))
        world.advance(4_900)
        #expect(!silent.isClosed)
        world.advance(200)
        #expect(silent.isClosed)
        #expect(polite.events().isEmpty)
    }

    @Test func `nothing follows a close frame`() {
        let world = World {
            $0.access.anonymousPublish = false
            $0.access.apiKeys = [Array("key".utf8)]
        }
        let client = open(world)
        let publisher = world.connect()
        client.feed(frame("x") + frame(.ping, [1]) + frame("y"))
        publisher.feed(post("/channels/c", "m", ["Authorization: Bearer key"]))
        world.settle()
        publisher.send(post("/channels/c", "n", ["Authorization: Bearer key"]))
        #expect(publisher.answers(to: .post).map(\.status) == [200, 200])
        let events = client.events()
        #expect(events.count == 1)
    }

    @Test func `a slow client's ping is not answered after its close frame`() {
        let world = World { $0.limits.backlogBytesMax = 500 }
        let client = open(world)
        client.block()
        for number in 0..<3 { world.publish("c", "\(number)") }
        client.send(frame(.ping, [1]))
        for number in 3..<9 { world.publish("c", "\(number)") }
        client.unblock()
        world.settle()
        let events = client.events()
        guard case .close(1013, _) = events.last else {
            Issue.record("\(events)")
            return
        }
    }

    // MARK: - Heartbeat

    @Test func `a peer that answers pings stays, one that is silent for a minute goes`() {
        let world = World()
        let alive = Subscriber(world, .raw, ["c"])
        let silent = open(world)
        let far = open(world, "/connect", ["Sec-WebSocket-Protocol: carillon.v1"])
        for _ in 0..<120 {
            world.advance(1_000)
            alive.collect()
        }
        #expect(!alive.client.isClosed)
        #expect(silent.isClosed && far.isClosed)
        let pings = silent.events().filter { $0 == .ping([]) }.count
        #expect(pings >= 2 && pings <= 4)
        world.checkInvariants()
    }

    @Test(arguments: [60_000, 86_400_000] as [UInt64])
    func `a silence that no ping has broken says nothing: the gateway itself was stopped`(
        milliseconds: UInt64
    ) {
        let world = World()
        let (near, far) = (open(world), open(world))
        near.send(frame("x"))
        far.send(frame("x"))
        world.advance(milliseconds)
        #expect(!near.isClosed && !far.isClosed)
        // Asked now, one answers and one does not.
        #expect(near.events().contains(.ping([])))
        near.send(frame(.pong, []))
        for _ in 0..<5 {
            world.advance(13_000)
            near.send(frame(.pong, []))
        }
        #expect(!near.isClosed && far.isClosed)
    }

    @Test func `one that was asked before the gateway stopped is asked once more`() {
        let world = World()
        let (near, far) = (open(world), open(world))
        world.advance(25_000)
        #expect(near.events().contains(.ping([])))
        world.advance(86_400_000)
        #expect(!near.isClosed && !far.isClosed)
        // The pong that had come meanwhile is read now.
        near.send(frame(.pong, []))
        world.advance(25_000)
        #expect(!near.isClosed && far.isClosed)
    }

    @Test func `a peer is not gone before it was silent for a minute`() {
        let world = World()
        let client = open(world)
        world.advance(59_900)
        #expect(!client.isClosed)
    }

    @Test func `of pings that can't be answered at once the last is`() {
        let world = World()
        let client = open(world)
        client.room = 1
        world.publish("c", "m")
        client.send(frame(.ping, [1]) + frame(.ping, [2]))
        client.unblock()
        world.settle()
        #expect(
            client.events() == [
                .message(text: true, payload: [0x6D], compressed: false), .pong([2]),
            ])
    }
}
