// Input that comes too slowly: how long it is waited for.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct DeadlineTests {
    @Test(arguments: [(65_535, false), (65_536, true)])
    func `a body that brings so much by its deadline is given as long again, once less not`(
        _ came: Int, _ isGivenTime: Bool
    ) {
        let world = World()
        let client = world.connect()
        client.send(request("/channels/a", method: "POST", ["Content-Length: 1000000"]))
        client.send([UInt8](repeating: 0x78, count: came))
        world.advance(30_100)
        #expect(client.output.isEmpty == isGivenTime)
        client.send([UInt8](repeating: 0x78, count: 65_535))
        world.advance(30_100)
        let answer = client.answer(to: .post)
        #expect(answer?.status == 408)
        #expect(answer?.json["limit"] as? Int == 65_536)
        #expect(answer?.json["value"] as? Int == 65_535)
    }

    @Test(arguments: [false, true])
    func `a later head has as long as the first one, from its first byte on`(_ blocks: Bool) {
        let world = World()
        let client = world.connect()
        client.send(request("/nowhere"))
        #expect(client.answer()?.status == 404)
        world.advance(50_000)
        #expect(!client.isEnded && !client.isClosed)
        client.send("G")
        world.advance(5_000)
        // More of it earns no more time.
        client.send("ET /no")
        if blocks {
            client.block()
            client.unblock()
        }
        world.advance(4_800)
        #expect(client.answer() == nil)
        world.advance(400)
        let answer = client.answer()
        #expect(answer?.status == 408)
        #expect(answer?.json["limit"] as? Int == 10_000)
    }

    @Test func `a head behind an answered request, in the same read, has its own time`() {
        let world = World()
        let client = world.connect()
        client.send(request("/nowhere") + "GET /")
        world.advance(9_900)
        #expect(client.answers().map(\.status) == [404])
        world.advance(200)
        #expect(client.answers().map(\.status) == [408])
    }

    private func open(_ world: World) -> Client {
        let client = world.connect()
        client.send(upgrade("/channels/a"))
        #expect(client.answer()?.status == 101)
        return client
    }

    /// Lets a client answer pings for so long, and do nothing else.
    private func idle(_ world: World, _ client: Client, _ milliseconds: UInt64) {
        for _ in 0..<(milliseconds / 1_000) {
            client.feed(frame(.pong, []))
            world.advance(1_000)
        }
    }

    @Test(arguments: [65_535, 65_536])
    func `a message that brings so much between two heartbeats goes on, less is closed with 1008`(
        _ bytes: Int
    ) {
        let world = World()
        let client = open(world)
        client.send(frame(.binary, [1], final: false))
        idle(world, client, 26_000)
        client.send(frame(.continuation, [UInt8](repeating: 1, count: bytes), final: false))
        // Past the second heartbeat, and surely before the third.
        idle(world, client, 25_000)
        let codes = client.events().compactMap { event -> UInt16?? in
            if case .close(let code, _) = event { .some(code) } else { nil }
        }
        if bytes == 65_536 {
            #expect(codes.isEmpty)
            client.send(frame(.continuation, []))
            #expect(world.shared.ring.published == 1)
        } else {
            #expect(codes == [1008])
            #expect(client.isEnded)
        }
        world.checkInvariants()
    }

    @Test func `a client that says nothing but pongs is not stalled`() {
        let world = World()
        let client = open(world)
        client.send(frame("whole"))
        idle(world, client, 120_000)
        #expect(!client.isEnded && !client.isClosed)
    }

    @Test func `a frame of which half the header has come is stalled, too`() {
        let world = World()
        let client = open(world)
        client.send([0x82])
        // Its own pongs can't come in the midst of a frame, so silence would end it later.
        for _ in 0..<51 { world.advance(1_000) }
        #expect(client.isEnded)
    }

    @Test func `one short message after another is no stalled one`() {
        let world = World()
        let client = open(world)
        for _ in 0..<60 {
            client.send(frame(.binary, [1], final: false))
            world.advance(1_000)
            client.send(frame(.continuation, []))
        }
        client.send(frame(.binary, [1], final: false))
        #expect(!client.isEnded && !client.isClosed)
    }
}
