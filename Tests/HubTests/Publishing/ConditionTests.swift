// Keys and versions between two loops, in both orders and by chance.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct ConditionTests {
    private static let pairs = Way.allCases.flatMap { one in Way.allCases.map { (one, $0) } }

    @Test(arguments: pairs)
    func `a repeated key is answered with the same id, over any way and loop`(
        _ first: Way, _ second: Way
    ) {
        let world = World(loops: 2)
        let listener = Subscriber(world, .v1, ["c"])
        let ask = Ask(event: "e", key: "k", ttl: "60", version: "3")
        let one = TestPublisher(world, first, loop: 0).ask("c", ask)
        // The second loop has not read the first one's message.
        let two = TestPublisher(world, second, loop: 1).ask("c", ask)
        #expect(one?.id != nil && one?.id == two?.id)
        world.settle()
        listener.collect()
        #expect(listener.data == ["m"])
        #expect(world.shared.ring.published == 1)
    }

    @Test(arguments: [
        Ask(data: "n", key: "k"), Ask(event: "e", key: "k"), Ask(key: "k", ttl: "1"),
        Ask(key: "k", version: "1"),
    ])
    func `the same key with anything else is refused`(_ other: Ask) {
        for way in Way.allCases {
            let world = World()
            let publisher = TestPublisher(world, way)
            _ = publisher.ask("c", Ask(key: "k"))
            let told = publisher.ask("c", other)
            #expect(told?.refusal == (way == .fields || way == .query ? "422" : "key-reused"))
            #expect(world.shared.ring.published == 1)
        }
    }

    @Test func `the same key with data of another kind is refused`() {
        let world = World()
        let client = world.connect()
        let field = "Idempotency-Key: k"
        client.send(post("/channels/c", "1", [field]))
        client.send(post("/channels/c", "1", [field, "Content-Type: application/json"]))
        #expect(client.answers(to: .post).map(\.status) == [200, 422])
    }

    @Test func `whom it excludes is not part of what a key stands for`() {
        let world = World()
        let publisher = TestPublisher(world, .fields)
        let one = publisher.ask("c", Ask(key: "k"))
        let two = publisher.ask("c", Ask(key: "k", exclude: String(repeating: "0", count: 32)))
        #expect(one?.id == two?.id)
    }

    @Test(arguments: Way.allCases)
    func `a version that is not higher is skipped, and the last one told`(_ way: Way) {
        let world = World(loops: 2)
        let one = TestPublisher(world, way, loop: 0)
        let two = TestPublisher(world, way, loop: 1)
        #expect(one.ask("c", Ask(version: "5"))?.id != nil)
        for version in ["5", "4", "0"] {
            let told = two.ask("c", Ask(version: version))
            #expect(told?.skippedAt == "5" && told?.id == nil)
            #expect(told?.status == (way == .command ? nil : 200))
        }
        #expect(two.ask("c", Ask(version: "6"))?.id != nil)
        #expect(one.ask("c")?.id != nil, "without a version it is no question of versions")
        #expect(one.ask("c", Ask(version: "6"))?.skippedAt == "6")
        #expect(world.shared.ring.published == 3)
    }

    @Test(arguments: Way.allCases)
    func `at the limit of what is remembered, another is refused and told the limit`(_ way: Way) {
        let world = World { $0.limits.rememberedPublishesMax = 1 }
        let publisher = TestPublisher(world, way)
        #expect(publisher.ask("c", Ask(key: "1"))?.id != nil)
        let told = publisher.ask("c", Ask(key: "2"))
        #expect(told?.refusal == (way == .fields || way == .query ? "503" : "too-many-keys"))
        #expect(told?.retryAfter == (way == .command ? nil : "5"))
        #expect(publisher.client.text.contains("1 idempotency keys and versions"))
        #expect(publisher.ask("c")?.id != nil)
        world.advance(601_000)
        #expect(TestPublisher(world, way).ask("c", Ask(key: "2"))?.id != nil)
    }

    // MARK: - A full ring

    @Test(arguments: Way.allCases)
    func `a full ring refuses, says when to come back, and keeps no record`(_ way: Way) {
        let world = World(loops: 2, ringSlots: 2)
        let publisher = TestPublisher(world, way)
        // Loop 1 has no turn: it holds the ring back.
        #expect(publisher.ask("c")?.id != nil)
        #expect(publisher.ask("c")?.id != nil)
        let told = publisher.ask("c", Ask(key: "k", version: "7"))
        #expect(told?.refusal == (way == .fields || way == .query ? "503" : "full"))
        #expect(told?.retryAfter == (way == .command ? nil : "1"))
        world.settle()
        let again = publisher.ask("c", Ask(key: "k", version: "1"))
        #expect(again?.id != nil)
        #expect(world.shared.counters.total(.refusedFull) == 1)
    }

    @Test func `a full ring closes a raw WebSocket with 1013`() {
        let world = World(loops: 2, ringSlots: 2)
        let client = world.connect()
        client.send(upgrade("/channels/c"))
        _ = client.answer()
        for _ in 0..<3 { client.feed(frame("m")) }
        world.turn(0)
        var code: UInt16?
        for event in client.events() { if case .close(let given, _) = event { code = given } }
        #expect(code == 1013)
    }

    @Test func `a loop that is itself behind reads on, and does not refuse`() {
        let world = World(loops: 1, ringSlots: 2)
        let publisher = TestPublisher(world, .fields)
        for number in 0..<5 { publisher.feed("c", Ask(key: "\(number)")) }
        world.turn(0)
        for number in 0..<5 { #expect(publisher.told()?.id != nil, "\(number)") }
    }

    // MARK: - By chance

    @Test(arguments: seeds(60))
    func `a key is in the ring once at most, and versions rise in its order`(_ seed: UInt64) {
        var random = Random(seed: seed)
        let world = World(loops: 3, ringSlots: [4, 64][random.below(2)], seed: seed)
        let publishers = (0..<9).map { index in
            TestPublisher(world, Way.allCases[index % 4], loop: index % 3)
        }
        let listener = Subscriber(world, .v1, ["c", "d"], loop: random.below(3))
        var asked: [Int: [(channel: String, ask: Ask)]] = [:]
        var ids: [String: Set<String>] = [:]
        for step in 0..<200 {
            let index = random.below(publishers.count)
            let channel = ["c", "d"][random.below(2)]
            let key = random.below(30)
            // The key decides everything else, so that repeats are repeats.
            let ask = Ask(
                data: "\(key)", key: "\(key)", version: key % 3 == 0 ? nil : "\(key % 17)")
            asked[index, default: []].append((channel, ask))
            publishers[index].feed(channel, ask)
            if random.oneIn(3) { world.turn(random.below(3)) }
            for (index, publisher) in publishers.enumerated() {
                while let told = publisher.told() {
                    let (channel, ask) = asked[index]!.removeFirst()
                    if let id = told.id { ids["\(channel)/\(ask.key!)", default: []].insert(id) }
                    #expect(told.refusal != "422" && told.refusal != "key-reused", "step \(step)")
                }
            }
        }
        world.settle()
        listener.collect()
        for (key, given) in ids { #expect(given.count == 1, "seed \(seed), key \(key): \(given)") }
        var seen: Set<String> = []
        var last: [String: Int] = [:]
        for message in listener.seen {
            #expect(seen.insert("\(message.channel)/\(message.data)").inserted, "seed \(seed)")
            let key = Int(message.data)!
            guard key % 3 != 0 else { continue }
            if let last = last[message.channel] { #expect(key % 17 > last, "seed \(seed)") }
            last[message.channel] = key % 17
        }
        #expect(UInt64(seen.count) == world.shared.ring.published)
    }
}
