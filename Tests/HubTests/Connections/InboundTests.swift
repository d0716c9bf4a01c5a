// Memory of input: what is held of requests and messages that are not whole, and its ceiling.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct InboundTests {
    private func held(_ world: World) -> Int { world.loops[0].shard.inboundBytes }

    private func fragment(_ count: Int) -> [UInt8] {
        frame(.binary, [UInt8](repeating: 1, count: count), final: false)
    }

    @Test func `what has come of a head, a body, a message, and behind a poll is counted`() {
        let world = World()
        let client = world.connect()
        client.send("GET /chan")
        #expect(held(world) == 9)
        client.send("nels/a")
        #expect(held(world) == 15)
        client.cut()
        world.settle()
        #expect(held(world) == 0)

        let publisher = world.connect()
        publisher.send(request("/channels/a", method: "POST", ["Content-Length: 100"]) + "12345")
        #expect(held(world) == 5)
        publisher.send(String(repeating: "x", count: 95))
        #expect(publisher.answer(to: .post)?.status == 200)
        #expect(held(world) == 0)

        let socket = world.connect()
        socket.send(upgrade("/channels/a"))
        socket.send(fragment(1_000))
        socket.send(frame(.continuation, [UInt8](repeating: 2, count: 500), final: false))
        #expect(held(world) == 1_500)
        socket.send(frame(.continuation, []))
        #expect(held(world) == 0)

        let poller = world.connect()
        poller.send(request("/channels/b") + "GET /pipelined")
        #expect(held(world) == 14)
        poller.cut()
        world.settle()
        #expect(held(world) == 0)
        world.checkInvariants()
    }

    @Test(arguments: [0, 1])
    func `a body that fills the ceiling is taken, a byte more is told 503 and closed`(_ more: Int) {
        let world = World { $0.limits.inboundBytesTotal = 1_000 }
        let client = world.connect()
        client.send(request("/channels/a", method: "POST", ["Content-Length: 2000"]))
        client.send(String(repeating: "x", count: 1_000 + more))
        guard more > 0 else {
            #expect(client.output.isEmpty && held(world) == 1_000)
            return
        }
        let answer = client.answer(to: .post)
        #expect(answer?.status == 503)
        #expect(answer?.json["limit"] as? Int == 1_000)
        #expect(answer?.json["value"] as? Int == 1_001)
        #expect(answer?.head.first("Retry-After") == "5")
        #expect(client.isEnded)
        #expect(held(world) == 0)
        #expect(world.shared.counters.value(0, .refusedInbound) == 1)
        world.checkInvariants()
    }

    @Test(arguments: [0, 1])
    func `a message that fills the ceiling is taken, a byte more is closed with 1013`(_ more: Int) {
        let world = World { $0.limits.inboundBytesTotal = 1_000 }
        let client = world.connect()
        client.send(upgrade("/channels/a"))
        #expect(client.answer()?.status == 101)
        client.send(fragment(1_000 + more))
        guard more > 0 else {
            #expect(client.events().isEmpty && held(world) == 1_000)
            return
        }
        let reason = Array("1001 bytes of unfinished messages; at most 1000".utf8)
        #expect(client.events() == [.close(code: 1013, reason: reason)])
        #expect(client.isEnded)
        #expect(held(world) == 0)
        world.checkInvariants()
    }

    @Test func `each loop has its share`() {
        let world = World(loops: 2) { $0.limits.inboundBytesTotal = 1_000 }
        for loop in 0..<2 {
            let client = world.connect(loop: loop)
            client.send(upgrade("/channels/a"))
            #expect(client.answer()?.status == 101)
            client.send(fragment(500))
            #expect(client.events().isEmpty)
            client.send(frame(.continuation, [1], final: false))
            #expect(client.events().count == 1)
        }
    }

    @Test func `the one that adds is refused; who holds, and who is whole in one read, goes on`() {
        let world = World { $0.limits.inboundBytesTotal = 1_000 }
        let holder = world.connect()
        holder.send(request("/channels/a", method: "POST", ["Content-Length: 1001"]))
        holder.send(String(repeating: "x", count: 1_000))
        let whole = world.connect()
        whole.send(post("/channels/a", String(repeating: "y", count: 2_000)))
        #expect(whole.answer(to: .post)?.status == 200)
        let partial = world.connect()
        partial.send("GET /")
        #expect(partial.answer()?.status == 503)
        holder.send("x")
        #expect(holder.answer(to: .post)?.status == 200)
        #expect(held(world) == 0)
    }

    @Test func `what is pipelined behind a poll is refused together with the poll`() {
        let world = World { $0.limits.inboundBytesTotal = 100 }
        let client = world.connect()
        client.send(request("/channels/a"))
        client.send([UInt8](repeating: 0x41, count: 101))
        #expect(client.answer()?.status == 503)
        #expect(client.isEnded)
        #expect(held(world) == 0)
        world.checkInvariants()
    }

    @Test(arguments: seeds(60))
    func `whatever clients begin and leave, the count is exact and returns to nothing`(
        _ seed: UInt64
    ) {
        var random = Random(seed: seed)
        let world = World(loops: 1 + random.below(2), seed: seed) {
            $0.limits.inboundBytesTotal = [500, 5_000, 1 << 20][random.below(3)]
            $0.limits.pipelinedBytesMax = 300
            $0.limits.framesPerTurnMax = 1 + random.below(4)
            $0.limits.messageBytesMax = 2_000
        }
        var clients: [Client] = []
        for step in 0..<150 {
            if clients.count < 8 || random.oneIn(6) {
                clients.append(world.connect(loop: random.below(world.loops.count)))
            }
            let client = clients[random.below(clients.count)]
            let size = random.below(400)
            switch random.below(16) {
            case 0: client.feed(upgrade("/channels/a"))
            case 1: client.feed(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
            case 2: client.feed(frame(.text, Array(repeating: 0x31, count: size)))
            case 3: client.feed(fragment(size))
            case 4: client.feed(frame(.continuation, [], final: random.oneIn(2)))
            case 5: client.feed(frame(#"{"op":"subscribe","channel":"a","after":"first"}"#))
            case 6: client.feed(request("/channels/a?timeout=2"))
            case 7: client.feed(request("/channels/a/messages"))
            case 8: client.feed(post("/channels/a", String(repeating: "x", count: size)))
            case 9:
                client.feed(
                    request("/channels/a", method: "POST", ["Content-Length: \(size + 1)"])
                        + String(repeating: "y", count: random.below(size + 1)))
            case 10: client.feed(Array(repeating: 0x78, count: size))
            case 11: client.room = random.below(300)
            case 12: client.unblock()
            case 13: client.endInput()
            case 14: client.cut()
            default: world.pass(UInt64(random.below(3_000)))
            }
            if random.oneIn(2) { world.turn(random.below(world.loops.count)) }
            if random.oneIn(8) { world.settle() }
            world.checkInvariants("seed \(seed), step \(step)")
        }
        for client in clients { client.cut() }
        world.settle()
        world.advance(10_000)
        for loop in world.loops { #expect(loop.shard.inboundBytes == 0, "seed \(seed)") }
        #expect(world.shared.turnstile.connectionCount == 0, "seed \(seed)")
        world.checkInvariants("seed \(seed), end")
    }
}
