// Connections over a limit: what they are told, and what telling them may cost.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct AdmittingTests {
    private let address = PeerAddress(ipv4: 0x7F00_0001)

    private func expect(
        _ client: Client?, refusedWith status: Int, limit: Int, value: Int, retry: String,
        _ place: SourceLocation = #_sourceLocation
    ) {
        client?.send(request("/channels/a", method: "POST", ["Content-Length: 3"]) + "abc")
        let answer = client?.answer(to: .post)
        #expect(answer?.status == status, sourceLocation: place)
        #expect(answer?.json["limit"] as? Int == limit, sourceLocation: place)
        #expect(answer?.json["value"] as? Int == value, sourceLocation: place)
        #expect(answer?.head.first("Retry-After") == retry, sourceLocation: place)
        #expect(answer?.head.first("Content-Type") == "application/problem+json")
        #expect(client?.isEnded == true, sourceLocation: place)
    }

    @Test(arguments: [1, 2])
    func `one connection over the total is told 503 and closed`(_ loops: Int) {
        let world = World(loops: loops) { $0.limits.connectionsMax = 4 }
        let clients = (0..<4).map { world.connect(loop: $0 % loops) }
        for client in clients {
            client.send(request("/nowhere"))
            #expect(client.answer()?.status == 404)
        }
        let fifth = world.tryConnect(loop: loops - 1)
        expect(fifth, refusedWith: 503, limit: 4, value: 5, retry: "5")
        world.checkInvariants()
        clients[0].cut()
        world.settle()
        let sixth = world.connect(loop: loops - 1)
        sixth.send(request("/nowhere"))
        #expect(sixth.answer()?.status == 404)
    }

    @Test func `one connection over an address's limit is told 429, another address is not`() {
        let world = World(loops: 2) { $0.limits.connectionsPerAddressMax = 2 }
        let present = [0, 1].map { world.tryConnect(loop: $0, address: address)! }
        expect(
            world.tryConnect(loop: 1, address: address), refusedWith: 429, limit: 2, value: 3,
            retry: "5")
        for free in [PeerAddress(ipv4: 1), nil] {
            let client = world.tryConnect(address: free)
            client?.send(request("/nowhere"))
            #expect(client?.answer()?.status == 404)
        }
        for client in present { client.cut() }
        world.advance(3_000)
        world.checkInvariants()
        #expect(world.shared.turnstile.addressCount == 1)
    }

    @Test func `connects a second over an address's limit are told 429 until a second has passed`()
    {
        let world = World { $0.limits.connectsPerSecondMax = 2 }
        for _ in 0..<2 { world.tryConnect(address: address)!.cut() }
        expect(world.tryConnect(address: address), refusedWith: 429, limit: 2, value: 3, retry: "1")
        world.advance(1_000)
        let client = world.tryConnect(address: address)
        client?.send(request("/nowhere"))
        #expect(client?.answer()?.status == 404)
    }

    @Test func `a connection that finds no slot leaves no count`() {
        let world = World {
            $0.limits.connectionsPerLoopMax = 1
            $0.limits.connectionsPerAddressMax = 10
        }
        let first = world.tryConnect(address: address)!
        #expect(world.tryConnect(address: address) == nil)
        #expect(world.shared.turnstile.connectionCount == 1)
        first.cut()
        world.settle()
        #expect(world.shared.turnstile.connectionCount == 0)
        #expect(world.shared.turnstile.addressCount == 0)
    }

    @Test func `under TLS, and beyond the room for refusals, a connection is reset`() {
        let world = World {
            $0.limits.connectionsMax = 1
            $0.limits.refusalsPerLoopMax = 2
        }
        let first = world.connect()
        #expect(world.tryConnect(isSecure: true) == nil)
        let refused = (0..<2).map { _ in world.tryConnect() }
        #expect(refused.allSatisfy { $0 != nil })
        #expect(world.tryConnect() == nil)
        #expect(world.shared.counters.value(0, .refusedConnections) == 4)
        world.checkInvariants()
        // Who says nothing is not waited for as long as others are.
        world.advance(2_100)
        #expect(refused.allSatisfy { $0?.isClosed == true || $0?.isEnded == true })
        world.advance(2_100)
        #expect(world.loops[0].shard.connectionCount == 1)
        #expect(world.tryConnect() != nil)
        first.send(request("/nowhere"))
        #expect(first.answer()?.status == 404)
        world.checkInvariants()
    }

    @Test func `a refused connection does nothing but be told so`() {
        let world = World { $0.limits.connectionsMax = 1 }
        let subscriber = Subscriber(world, .lines, ["a"])
        let second = world.tryConnect()!
        second.send(post("/channels/a", "x") + post("/channels/a", "y"))
        #expect(second.answers(to: .post).map(\.status) == [503])
        subscriber.collect()
        #expect(subscriber.data.isEmpty)
    }

    @Test func `what was counted is given back, however a connection ends`() {
        let world = World {
            $0.limits.connectionsPerAddressMax = 100
            $0.limits.connectionsMax = 1_000
        }
        let clients = (0..<5).map { _ in world.tryConnect(address: address)! }
        clients[0].cut()
        clients[1].endInput()
        clients[2].send(request("/nowhere", fields: ["Connection: close"]))
        clients[3].send(upgrade("/channels/a"))
        clients[3].send(closeFrame(1000))
        clients[4].send("nonsense\r\n\r\n")
        world.advance(70_000)
        #expect(world.shared.turnstile.connectionCount == 0)
        #expect(world.shared.turnstile.addressCount == 0)
        world.checkInvariants()
    }
}
