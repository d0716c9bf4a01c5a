// What all histories of a loop may hold together.

@testable import Hub
import Ring
import Testing

@Suite struct HistoryLedgerTests {
    @Test func `entries come out oldest first, in whatever order they were noted`() {
        var ledger = HistoryLedger()
        for sequence: UInt64 in [5, 7, 1, 3] { ledger.note(sequence, in: Int(sequence)) }
        var out = [ledger.popOldest()?.sequence]
        ledger.note(9, in: 0)
        ledger.note(2, in: 0)
        while let next = ledger.popOldest() { out.append(next.sequence) }
        #expect(out == [1, 2, 3, 5, 7, 9])
    }

    @Test func `it is wasteful with 1,024 entries more than twice what is kept`() {
        var ledger = HistoryLedger()
        ledger.add(bytes: 10, count: 1)
        for sequence: UInt64 in 1...1_026 { ledger.note(sequence, in: 0) }
        #expect(!ledger.isWasteful)
        ledger.note(1_027, in: 0)
        #expect(ledger.isWasteful)
        ledger.compact { $0.sequence == 1_000 }
        #expect(ledger.entryCount == 1 && ledger.popOldest()?.sequence == 1_000)
    }
}

@Suite struct HistoryCeilingTests {
    /// What a message of one byte on a channel whose name has two costs.
    private static let cost = Message(
        channel: ChannelName([1, 2], key: HashKey(0, 0)), kind: .text, payload: [1],
        timeMilliseconds: 0
    ).cost

    private func kept(_ world: World, _ channel: String) -> [String] {
        let client = world.connect()
        client.send(request("/channels/\(channel)/messages?limit=1000"))
        return client.answer()?.messages.map(\.data) ?? []
    }

    @Test(arguments: [(4, 4, 0), (5, 4, 1), (9, 4, 5)])
    func `as much as the share is kept, and of more the newest of all channels`(
        _ count: Int, _ expected: Int, _ evicted: UInt64
    ) {
        let world = World { $0.limits.historyBytesTotalMax = 4 * Self.cost }
        for number in 0..<count { world.publish("c\(number % 3)", "\(number)") }
        var all: [String] = []
        for channel in 0..<3 { all += kept(world, "c\(channel)") }
        #expect(all.sorted() == ((count - expected)..<count).map { "\($0)" })
        #expect(world.shared.counters.total(.historyBytes) == UInt64(4 * Self.cost))
        #expect(world.shared.counters.total(.historyEvicted) == evicted)
        world.checkInvariants()
    }

    @Test func `each loop holds its share alone`() {
        let world = World(loops: 2) { $0.limits.historyBytesTotalMax = 4 * Self.cost }
        let channels = (0..<2).map { world.channel(at: $0) }
        for number in 0..<5 { world.publish(channels[0], "\(number)") }
        world.publish(channels[1], "0")
        #expect(kept(world, channels[0]) == ["3", "4"])
        #expect(kept(world, channels[1]) == ["0"])
    }

    @Test(arguments: Transport.allCases)
    func `one who comes back for what was evicted is told of a gap`(_ transport: Transport) {
        let world = World { $0.limits.historyBytesTotalMax = 3 * Self.cost }
        let first = world.publish("c0", "a")
        let second = world.publish("c0", "b")
        for number in 0..<3 { world.publish("c1", "\(number)") }
        for (id, isGap) in [(first, true), (second, false)] {
            let subscriber = Subscriber(world, transport, ["c0"], after: id)
            subscriber.expectGap(isGap)
        }
    }

    @Test func `a message larger than the share is not kept, and nothing else with it`() {
        let world = World { $0.limits.historyBytesTotalMax = 4 * Self.cost }
        for number in 0..<3 { world.publish("c0", "\(number)") }
        world.publish("c1", String(repeating: "x", count: 5 * Self.cost))
        #expect(world.shared.counters.total(.historyBytes) == 0)
        world.publish("c0", "3")
        #expect(kept(world, "c0") == ["3"])
    }

    @Test func `the books hold a bounded number of entries, however many messages pass`() {
        let world = World {
            $0.namespaces.fallback.historyMessagesMax = 2
            $0.limits.historyBytesTotalMax = 1 << 20
        }
        for number in 0..<5_000 { _ = world.post("c\(number % 2)", "\(number)") }
        world.settle()
        let ledger = world.loops[0].shard.ledger
        #expect(ledger.count == 4 && ledger.bytes == 4 * Self.cost + 4 * 3)
        #expect(ledger.entryCount <= 2 * 4 + 1_025)
        world.checkInvariants()
    }

    @Test(arguments: seeds(20))
    func `any histories together agree with a plain array`(_ seed: UInt64) {
        var random = Random(seed: seed)
        let share = 20 * (Self.cost + 40)
        let world = World {
            $0.limits.historyBytesTotalMax = share
            $0.namespaces.fallback.historyMessagesMax = 8
        }
        var model: [(channel: String, data: String, cost: Int)] = []
        for number in 0..<300 {
            let channel = "c\(random.below(5))"
            let data = "\(number)" + String(repeating: "x", count: random.below(80))
            world.publish(channel, data)
            model.append((channel, data, Self.cost - 1 + data.utf8.count))
            let same = model.indices.filter { model[$0].channel == channel }
            if same.count > 8 { model.remove(at: same[0]) }
            while model.reduce(0, { $0 + $1.cost }) > share { model.removeFirst() }
        }
        for channel in (0..<5).map({ "c\($0)" }) {
            #expect(
                kept(world, channel) == model.filter { $0.channel == channel }.map(\.data),
                "seed \(seed)")
        }
        #expect(
            world.shared.counters.total(.historyBytes)
                == UInt64(model.reduce(0) { $0 + $1.cost }), "seed \(seed)")
        world.checkInvariants("seed \(seed)")
    }

    @Test func `a restored past obeys, and the newest of all channels stays`() {
        let world = World {
            $0.start = 400
            $0.limits.historyBytesTotalMax = 10 * Self.cost
        }
        let key = world.settings.hashKey
        world.input(0) { shard in
            for channel in 0..<4 {
                let name = ChannelName(Array("c\(channel)".utf8), key: key)
                let messages = (0..<100).map { number in
                    Logged(
                        sequence: UInt64(number * 4 + channel + 1),
                        message: Message(
                            channel: name, kind: .text, payload: [0x78],
                            timeMilliseconds: world.now.unixMilliseconds))
                }
                shard.restore(Restored(channel: name, messages: messages, forgotten: 0))
            }
            #expect(shard.ledger.bytes <= 10 * Self.cost / 4 * 5)
        }
        world.advance(1_001)
        #expect(world.shared.counters.total(.historyBytes) == UInt64(10 * Self.cost))
        // The sequences 391 to 400.
        #expect((0..<4).map { kept(world, "c\($0)").count } == [2, 2, 3, 3])
        world.checkInvariants()
    }
}
