import Bytes
@testable import Hub
import Ring
import Testing
import Wire

/// A life that begins with the past of an earlier one.
@Suite struct RestoredTests {
    private let start: UInt64 = 1_000

    /// A world that starts at 1,000, with what is restored on its channels' homes.
    private func world(
        _ pasts: [(String, [UInt64], forgotten: UInt64)], loops: Int = 1, floor: UInt64 = 0,
        _ change: (inout Namespace) -> Void = { _ in }
    ) -> World {
        let world = World(loops: loops) { settings in
            settings.start = start
            settings.earlierLifeFloors = [floor]
            change(&settings.namespaces.fallback)
        }
        for (name, sequences, forgotten) in pasts {
            let channel = ChannelName(Array(name.utf8), key: world.settings.hashKey)
            let past = Restored(
                channel: channel,
                messages: sequences.map { sequence in
                    Logged(
                        sequence: sequence,
                        message: Message(
                            channel: channel, kind: .text, payload: Array("\(sequence)".utf8),
                            timeMilliseconds: world.now.unixMilliseconds))
                }, forgotten: forgotten, lastUnixMilliseconds: world.now.unixMilliseconds)
            // To all: those whose it is not leave it.
            for loop in world.loops.indices { world.input(loop) { $0.restore(past) } }
        }
        return world
    }

    private func after(_ sequence: UInt64, _ channel: String, _ world: World, loop: Int = 0)
        -> (texts: [String], gap: Bool)
    {
        let client = world.connect(loop: loop)
        client.feed(
            "GET /channels/\(channel)/messages?after=\(world.settings.epoch)-\(sequence) HTTP/1.1\r\n"
                + "Host: h\r\n\r\n")
        world.settle()
        guard let answer = client.answer(to: .get) else { return ([], false) }
        return (answer.messages.map(\.data), answer.head.first("Carillon-Gap") == "true")
    }

    @Test(arguments: [1, 2, 4]) func `what is restored is told from wherever it is asked`(
        loops: Int
    ) {
        let world = world([("a", [3, 5], forgotten: 0), ("b", [4], forgotten: 0)], loops: loops)
        for loop in 0..<loops {
            #expect(after(0, "a", world, loop: loop).texts == ["3", "5"])
            #expect(after(3, "a", world, loop: loop).texts == ["5"])
            #expect(after(0, "b", world, loop: loop).texts == ["4"])
            #expect(!after(0, "a", world, loop: loop).gap)
        }
    }

    @Test func `what follows has the next sequences`() {
        let world = world([("a", [3], forgotten: 0)])
        #expect(world.publish("a", "new") == "\(world.settings.epoch)-1001")
        #expect(after(0, "a", world).texts == ["3", "new"])
        #expect(after(999, "a", world).texts == ["new"])
    }

    @Test(arguments: [(6, true), (7, false)] as [(UInt64, Bool)])
    func `who comes back from before what is forgotten is told of a gap`(id: UInt64, gap: Bool) {
        let world = world([("a", [9], forgotten: 7)])
        #expect(after(id, "a", world).gap == gap)
        #expect(after(id, "a", world).texts == ["9"])
    }

    @Test(arguments: [(999, true), (1_000, false)] as [(UInt64, Bool)])
    func `a gap that reaches up to this life stays one, whatever is restored and dropped before it`(
        id: UInt64, gap: Bool
    ) {
        for mode in [Namespace.History.log, .last] {
            let world = world([("a", [1, 2, 3, 4], forgotten: 1_000)]) { namespace in
                namespace.history = mode
                namespace.historyMessagesMax = mode == .last ? 1 : 3
            }
            #expect(after(id, "a", world).gap == gap)
            // Drops a restored message, the first of which lies below what is missing.
            if mode == .log {
                world.publish("a", "new")
                #expect(after(id, "a", world).gap == gap)
            }
        }
    }

    @Test(arguments: [(6, true), (7, false)] as [(UInt64, Bool)])
    func `channels that have no past take the floor of their namespace`(id: UInt64, gap: Bool) {
        let world = world([("a", [9], forgotten: 0)], floor: 7)
        #expect(after(id, "b", world).gap == gap)
        #expect(!after(id, "a", world).gap)
        world.publish("b", "new")
        #expect(after(id, "b", world).gap == gap)
    }

    @Test func `a channel that was restored empty keeps its knowledge to itself`() {
        let world = world([("a", [], forgotten: 900)])
        world.advance(Shard.sweepMilliseconds + 1)
        world.advance(Shard.sweepMilliseconds + 1)
        #expect(after(899, "a", world).gap)
        #expect(!after(900, "a", world).gap)
        #expect(!after(899, "b", world).gap)
    }
}
