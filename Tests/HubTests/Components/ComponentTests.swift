// A program's own logic: Ratchet's chat, and every callback exactly as often as it should come.

@testable import Hub
import Testing
import Wire

/// What the components of all loops were told, in order.
private final class Diary {
    var entries: [String] = []
    var peers: [String: Peer] = [:]
}

/// The tutorial's chat, which writes down what it is told. Messages that begin with a slash are
/// orders.
private struct Chat: MessageComponent {
    let diary: Diary

    mutating func onOpen(_ peer: Peer, _ request: RequestView, _ out: inout Outbox) {
        let name = request.query("name") ?? "?"
        diary.peers[name] = peer
        diary.entries.append("open \(name)")
        out.subscribe(peer, to: "chat")
    }

    mutating func onMessage(_ peer: Peer, _ message: MessageView, _ out: inout Outbox) {
        let words = message.text.split(separator: " ").map { String($0) }
        switch words.first {
        case "/to": out.send(words[2], to: diary.peers[words[1]]!)
        case "/kick": out.close(diary.peers[words[1]]!, code: 4000, reason: "kicked")
        case "/bad": out.subscribe(peer, to: "")
        case "/leave": out.unsubscribe(peer, from: "chat")
        case "/join": out.subscribe(peer, to: "chat")
        default: out.publish(message, to: "chat", except: peer)
        }
    }

    mutating func onClose(_ peer: Peer, _ reason: CloseReason, _ out: inout Outbox) {
        diary.entries.append("close \(name(peer)) \(words(reason))")
        out.publish("\(name(peer)) left", to: "chat")
    }

    mutating func onError(_ peer: Peer, _ error: PeerError, _ out: inout Outbox) {
        switch error {
        case .protocolViolation: diary.entries.append("error \(name(peer)) protocol")
        case .badChannel: diary.entries.append("error \(name(peer)) channel")
        case .tooManyChannels, .notPublished, .tooLarge: diary.entries.append("error other")
        }
    }

    private func name(_ peer: Peer) -> String {
        diary.peers.first { $0.value == peer }?.key ?? "nobody"
    }

    private func words(_ reason: CloseReason) -> String {
        switch reason {
        case .peer(let code, _): "peer \(code.map { "\($0)" } ?? "-")"
        case .lost: "lost"
        case .slow: "slow"
        case .server: "server"
        }
    }
}

@Suite struct ComponentTests {
    private let diary = Diary()

    private func world(loops: Int = 2, _ configure: (inout Settings) -> Void = { _ in }) -> World {
        World(loops: loops, configure) { _ in [(path: "/chat", component: Chat(diary: diary))] }
    }

    private func join(_ world: World, _ name: String, loop: Int = 0) -> Client {
        let client = world.connect(loop: loop)
        client.send(upgrade("/chat?name=\(name)"))
        let status = client.answer()?.status
        #expect(status == 101)
        return client
    }

    @Test func `a message goes to everybody but its sender, on all loops and transports`() {
        let world = world(loops: 3)
        let clients = (0..<6).map { join(world, "n\($0)", loop: $0 % 3) }
        let outside = Subscriber(world, .events, ["chat"], loop: 1)
        clients[0].send(frame("hello"))
        clients[1].send(frame("there"))
        for (index, client) in clients.enumerated() {
            let expected = index == 0 ? ["there"] : index == 1 ? ["hello"] : ["hello", "there"]
            #expect(client.texts() == expected)
        }
        outside.collect()
        #expect(outside.data == ["hello", "there"])
    }

    @Test func `who comes does not get what was published before, though its loop slept on it`() {
        let world = world()
        let client = join(world, "a")
        client.send(frame("/leave"))
        #expect(world.post("chat", "early", loop: 1) != nil)
        client.send(frame("/join"))
        #expect(world.post("chat", "late", loop: 1) != nil)
        world.settle()
        #expect(client.texts() == ["late"])
    }

    @Test func `a frame may go to one peer, here or on another loop`() {
        let world = world()
        let first = join(world, "a")
        let near = join(world, "b")
        let far = join(world, "c", loop: 1)
        first.send(frame("/to b near"))
        first.send(frame("/to c far"))
        #expect(near.texts() == ["near"])
        #expect(far.texts() == ["far"])
        #expect(first.texts().isEmpty)
    }

    @Test func `a peer that is gone is ignored, here and on another loop`() {
        let world = world()
        let first = join(world, "a")
        for loop in 0..<2 {
            let gone = join(world, "b", loop: loop)
            gone.cut()
            world.settle()
            // Somebody else has its slot now.
            let next = join(world, "c", loop: loop)
            #expect(next.peer.slot == gone.peer.slot)
            first.send(frame("/to b x"))
            first.send(frame("/kick b"))
            #expect(next.texts().isEmpty)
            #expect(!next.isEnded)
            next.cut()
            world.settle()
        }
        world.checkInvariants()
    }

    @Test func `a frame for a slow peer waits its turn, in order`() {
        let world = world()
        let first = join(world, "a")
        let slow = join(world, "b", loop: 1)
        slow.block()
        first.send(frame("one"))
        first.send(frame("/to b two"))
        first.send(frame("three"))
        slow.unblock()
        world.settle()
        #expect(slow.texts() == ["one", "two", "three"])
    }

    // MARK: - Every end, once

    private func ends(_ name: String = "b") -> [String] {
        diary.entries.filter { $0.hasPrefix("close \(name)") || $0.hasPrefix("error \(name)") }
    }

    @Test func `onClose comes once when the peer closes`() {
        let world = world()
        let client = join(world, "b")
        client.send(closeFrame(1001))
        client.endInput()
        world.advance(10_000)
        #expect(ends() == ["close b peer 1001"])
        #expect(client.isClosed)
    }

    @Test(arguments: [true, false])
    func `onClose comes once when the connection breaks or ends`(_ broken: Bool) {
        let world = world()
        let client = join(world, "b")
        if broken { client.cut() } else { client.endInput() }
        world.advance(10_000)
        #expect(ends() == ["close b lost"])
    }

    @Test func `onClose comes once when a component closes, and the close frame says why`() {
        let world = world()
        let first = join(world, "a")
        let client = join(world, "b", loop: 1)
        first.send(frame("/kick b"))
        #expect(client.events() == [.close(code: 4000, reason: Array("kicked".utf8))])
        client.send(closeFrame(4000))
        client.endInput()
        world.advance(10_000)
        #expect(ends() == ["close b server"])
        #expect(first.texts() == ["b left"])
    }

    @Test func `onError and then onClose come once for a breach of the protocol`() {
        let world = world()
        let client = join(world, "b")
        client.send([0xFF, 0xFF])
        client.endInput()
        world.advance(10_000)
        #expect(ends() == ["error b protocol", "close b server"])
        #expect(client.isClosed)
    }

    @Test func `onClose comes once, as slow, for a peer that takes too little`() {
        let world = world { $0.limits.backlogBytesMax = 1_000 }
        let client = join(world, "b")
        client.block()
        for number in 0..<10 { world.publish("chat", "m\(number)") }
        world.advance(10_000)
        #expect(ends() == ["close b slow"])
        world.checkInvariants()
    }

    @Test func `onClose comes once, as slow, for a peer that takes nothing for too long`() {
        let world = world()
        let client = join(world, "b")
        client.block()
        world.publish("chat", "m")
        for _ in 0..<60 { world.advance(1_000) }
        #expect(ends() == ["close b slow"])
    }

    @Test func `onClose comes once for a silent peer`() {
        let world = world()
        _ = join(world, "b")
        for _ in 0..<120 { world.advance(1_000) }
        #expect(ends() == ["close b lost"])
    }

    @Test func `onClose comes once when the gateway leaves`() {
        let world = world()
        let client = join(world, "b")
        world.input(0) { $0.leave() }
        world.settle()
        client.send(closeFrame(1012))
        client.endInput()
        world.advance(10_000)
        #expect(ends() == ["close b server"])
        #expect(client.isClosed)
    }

    @Test func `a wish that can't be had is an error, and the connection goes on`() {
        let world = world()
        let client = join(world, "b")
        client.send(frame("/bad"))
        #expect(ends() == ["error b channel"])
        world.publish("chat", "m")
        client.send(frame("/leave"))
        world.publish("chat", "n")
        #expect(client.texts() == ["m"])
    }

    @Test func `a component's path is a WebSocket and nothing else`() {
        let world = world()
        let client = world.connect()
        client.send(request("/chat") + post("/chat", "x") + upgrade("/chat?name=b"))
        #expect(client.answers().map(\.status) == [426, 405, 101])
        #expect(diary.entries == ["open b"])
    }
}
