@testable import Hub
import Testing

@Suite struct PeerTests {
    @Test(arguments: [0, 1, 255], [0, 1, 1 << 28 - 1])
    func `its three parts come out as they went in`(_ loop: Int, _ slot: Int) {
        for generation: UInt32 in [1, 2, Peer.generationMax] {
            let peer = Peer(loop: loop, slot: slot, generation: generation)
            #expect(peer.loop == loop && peer.slot == slot && peer.generation == generation)
            #expect(peer.raw != 0)
            #expect(Peer(raw: peer.raw) == peer)
        }
    }

    @Test func `nobody is 0`() {
        #expect(Peer(raw: 0).generation == 0)
    }

    @Test func `a slot's next connection is another peer, and the first is stale`() {
        let world = World()
        let first = world.connect()
        first.cut()
        world.settle()
        let second = world.connect()
        #expect(second.peer.slot == first.peer.slot)
        #expect(second.peer != first.peer)
        world.input(0) { $0.received(first.peer, Array("GET".utf8).span) }
        world.input(0) { $0.ended(first.peer, failed: true) }
        world.input(0) { $0.blocked(first.peer, bytes: 1) }
        world.input(0) { $0.writable(first.peer) }
        world.settle()
        #expect(!second.isClosed && second.output.isEmpty)
        second.send(request("/nowhere"))
        #expect(second.answer()?.status == 404)
        world.checkInvariants()
    }

    @Test func `after the last generation of a slot comes the first`() {
        let world = World()
        let client = world.connect()
        client.cut()
        world.settle()
        world.loops[0].shard.connections[client.peer.slot].generation = Peer.generationMax
        #expect(world.connect().peer.generation == 1)
    }
}
