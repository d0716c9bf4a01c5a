// Answers that wait for the disk. The disk is moved by hand.

@testable import Hub
import Ring
import Testing
import Wire

/// A world whose namespaces `f`, `i` and the fallback are of each durability.
private final class DurableWorld {
    let disk: DurableProgress
    let world: World

    init(loops: Int = 1, _ configure: @escaping (inout Settings) -> Void = { _ in }) {
        let disk = DurableProgress()
        self.disk = disk
        world = World(loops: loops, durable: disk) {
            var fsync = Namespace(name: Array("f".utf8))
            fsync.durability = .fsync
            $0.namespaces.add(fsync)
            var interval = Namespace(name: Array("i".utf8))
            interval.durability = .interval
            $0.namespaces.add(interval)
            configure(&$0)
        }
    }

    func hasWork(_ loop: Int = 0) -> Bool { world.loops[loop].shard.hasWork }
    func acks(_ loop: Int = 0) -> Int { world.loops[loop].shard.acks.count }

    /// The disk has everything up to here; who sleeps is woken and has its turn later.
    func note(_ sequence: UInt64) {
        disk.settle(through: sequence)
        for loop in world.loops { loop.isAwake = true }
    }

    /// The disk has everything up to here; who sleeps is woken.
    func settle(_ sequence: UInt64) {
        note(sequence)
        for index in world.loops.indices where world.loops[index].shard.hasWork {
            world.turn(index)
        }
    }
}

private func failures(_ way: Way) -> [String] {
    way == .fields || way == .query
        ? ["503", "507", "504"] : ["not-durable", "not-durable", "not-durable-yet"]
}

@Suite struct AckTests {
    @Test(arguments: Way.allCases)
    func `the answer is given once the disk has the message, and not before`(_ way: Way) {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, way)
        #expect(publisher.ask("f:c") == nil)
        durable.world.settle()
        #expect(publisher.told() == nil)
        #expect(!durable.hasWork())
        durable.settle(1)
        #expect(publisher.told()?.id?.hasSuffix("-1") == true)
        #expect(publisher.told() == nil)
    }

    @Test(arguments: Way.allCases)
    func `followers do not wait for the disk`(_ way: Way) {
        let durable = DurableWorld(loops: 2)
        let listener = Subscriber(durable.world, .events, ["f:c"], loop: 1)
        _ = TestPublisher(durable.world, way).ask("f:c")
        durable.world.settle()
        listener.collect()
        #expect(listener.data == ["m"])
    }

    @Test(arguments: Way.allCases)
    func `with an interval, or none, the answer does not wait`(_ way: Way) {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, way)
        #expect(publisher.ask("i:c")?.id != nil)
        #expect(publisher.ask("c")?.id != nil)
    }

    @Test(arguments: Way.allCases)
    func `a message that could not be written is an error`(_ way: Way) {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, way)
        _ = publisher.ask("f:c")
        durable.disk.fail(1...1)
        durable.settle(1)
        #expect(publisher.told()?.refusal == failures(way)[1])
        // And so it is for its repeats.
        _ = publisher.ask("f:c", Ask(key: "k"))
        durable.disk.fail(2...2)
        durable.settle(2)
        #expect(publisher.told()?.refusal == failures(way)[1])
        #expect(publisher.ask("f:c", Ask(key: "k"))?.refusal == failures(way)[1])
        #expect(durable.world.shared.ring.published == 2)
    }

    @Test(arguments: Way.allCases)
    func `a disk that takes nothing refuses at once, and nothing is published`(_ way: Way) {
        let durable = DurableWorld()
        durable.disk.accept(false)
        let publisher = TestPublisher(durable.world, way)
        for channel in ["f:c", "i:c"] {
            let told = publisher.ask(channel, Ask(key: "k"))
            #expect(told?.refusal == failures(way)[0])
            #expect(told?.retryAfter == (way == .command ? nil : "5"))
        }
        #expect(durable.world.shared.ring.published == 0)
        #expect(publisher.ask("c")?.id != nil)
        durable.disk.accept(true)
        #expect(publisher.ask("i:c", Ask(key: "k"))?.id != nil)
    }

    @Test func `a raw WebSocket is closed with 1013 when the disk takes nothing`() {
        let durable = DurableWorld()
        durable.disk.accept(false)
        let client = durable.world.connect()
        client.send(upgrade("/channels/f:c"))
        _ = client.answer()
        client.send(frame("m"))
        var code: UInt16?
        for event in client.events() { if case .close(let given, _) = event { code = given } }
        #expect(code == 1013)
    }

    @Test(arguments: [(29_999, false), (30_000, true)] as [(UInt64, Bool)], Way.allCases)
    func `a disk that hangs is not waited for beyond thirty seconds`(
        _ time: (milliseconds: UInt64, isOver: Bool), _ way: Way
    ) {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, way)
        _ = publisher.ask("f:c")
        let due = durable.world.now.monotonicMilliseconds + 30_000
        durable.world.advance(time.milliseconds)
        // Not the next sweep, which would be late.
        let next = durable.world.loops[0].shard.nextDeadline
        #expect(time.isOver ? next > due : next == due)
        #expect(publisher.told()?.refusal == (time.isOver ? failures(way)[2] : nil))
        // It may come again, and is told in its turn.
        _ = publisher.ask("f:c")
        durable.settle(2)
        #expect(publisher.told()?.id != nil)
    }

    @Test(arguments: Way.allCases)
    func `a repeat of a message that is not on the disk yet waits as well`(_ way: Way) {
        let durable = DurableWorld(loops: 2)
        let one = TestPublisher(durable.world, way, loop: 0)
        let two = TestPublisher(durable.world, way, loop: 1)
        #expect(one.ask("f:c", Ask(key: "k")) == nil)
        #expect(two.ask("f:c", Ask(key: "k")) == nil)
        durable.world.settle()
        durable.settle(1)
        let told = two.told()
        #expect(told?.id != nil && told == one.told())
        #expect(two.ask("f:c", Ask(key: "k")) == told, "what is on the disk is told at once")
    }

    @Test func `requests behind one that waits are answered after it, in order`() {
        let durable = DurableWorld()
        let client = durable.world.connect()
        client.send(
            post("/channels/f:c", "1") + post("/channels/c", "2") + post("/channels/f:c", "3")
                + request("/nothing"))
        #expect(client.answers(to: .post).isEmpty)
        // What is behind is not even read: its message is not published.
        #expect(durable.world.shared.ring.published == 1)
        durable.settle(1)
        durable.world.settle()
        #expect(client.answers(to: .post).map { $0.json["id"] as? String }.count == 2)
        #expect(durable.world.shared.ring.published == 3)
        durable.settle(3)
        durable.world.settle()
        #expect(client.answers().map(\.status) == [200, 404])
    }

    @Test func `the time for a request does not run while its answer waits`() {
        let durable = DurableWorld {
            $0.limits.bodyMillisecondsMax = 1_000
            $0.limits.keepAliveMillisecondsMax = 1_000
        }
        let client = durable.world.connect()
        client.send(post("/channels/f:c", "1") + request("/nothing"))
        durable.world.advance(2_000)
        #expect(client.output.isEmpty && !client.isClosed)
        durable.settle(1)
        durable.world.settle()
        #expect(client.answers().map(\.status) == [200, 404])
    }

    @Test func `a client that has ended its half is still answered, then closed`() {
        let durable = DurableWorld()
        let client = durable.world.connect()
        client.feed(post("/channels/f:c", "1"))
        client.endInput()
        durable.world.settle()
        #expect(!client.isEnded)
        durable.settle(1)
        durable.world.settle()
        #expect(client.answer(to: .post)?.status == 200)
        #expect(client.isEnded)
        durable.world.checkInvariants()
    }

    @Test func `a batch waits for the last of its durable messages, and tells of each`() {
        let durable = DurableWorld()
        let client = durable.world.connect()
        let lines = ["f:a", "c", "f:b", "", "f:c", "c"].map { #"{"channel":"\#($0)","data":1}"# }
        client.send(post("/publish", lines.joined(separator: "\n")))
        durable.settle(3)
        #expect(client.answer(to: .post) == nil)
        durable.disk.fail(3...3)
        durable.settle(4)
        let answer = client.answer(to: .post)
        #expect(answer?.status == 200)
        let told = answer?.body.split(separator: 0x0A).map { object(Array($0)) } ?? []
        #expect(
            told.map { ($0["error"] as? [String: Any])?["code"] as? String } == [
                nil, nil, "not-durable", "bad-channel", nil, nil,
            ])
    }

    @Test func `a socket gets other answers and messages meanwhile`() {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, .command)
        publisher.feed("f:c")
        publisher.feed("c")
        publisher.client.send(frame(#"{"op":"ping","ref":"p"}"#))
        #expect(publisher.client.texts().count == 2)
        durable.settle(1)
        #expect(publisher.client.texts().map { $0.hasPrefix(#"{"ok":1,"id""#) } == [true])
    }

    @Test func `without a ref only a failure is told`() {
        let durable = DurableWorld()
        let client = durable.world.connect()
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        _ = client.answer()
        for _ in 0..<2 { client.send(frame(#"{"op":"publish","channel":"f:c","data":1}"#)) }
        durable.settle(1)
        #expect(client.texts().isEmpty)
        durable.disk.fail(2...2)
        durable.settle(2)
        #expect(client.texts().map { $0.contains("not-durable") } == [true])
    }

    // MARK: - Bounds

    @Test func `as many answers as the limit wait on a socket, one more is refused`() {
        let durable = DurableWorld { $0.limits.acksPerConnectionMax = 3 }
        let publisher = TestPublisher(durable.world, .command)
        for _ in 0..<3 { #expect(publisher.ask("f:c") == nil) }
        #expect(publisher.ask("f:c")?.code == "busy")
        #expect(TestPublisher(durable.world, .command).ask("f:c") == nil)
        #expect(durable.world.shared.ring.published == 4)
        durable.settle(1)
        #expect(publisher.told()?.id != nil)
        #expect(publisher.ask("f:c") == nil)
    }

    @Test(arguments: Way.allCases)
    func `as many answers as the limit wait on a loop, one more is refused`(_ way: Way) {
        let durable = DurableWorld { $0.limits.acksPerLoopMax = 2 }
        for _ in 0..<2 { #expect(TestPublisher(durable.world, way).ask("f:c") == nil) }
        let publisher = TestPublisher(durable.world, way)
        #expect(publisher.ask("f:c")?.refusal == (failures(way)[0] == "503" ? "503" : "busy"))
        #expect(publisher.ask("c")?.id != nil)
        #expect(durable.world.shared.ring.published == 3)
    }

    // MARK: - Comings and goings

    @Test(arguments: Way.allCases)
    func `the answer of one who is gone goes to nobody`(_ way: Way) {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, way)
        _ = publisher.ask("f:c")
        publisher.client.cut()
        durable.world.settle()
        // It has the same slot, and waits as well.
        let successor = TestPublisher(durable.world, way)
        #expect(successor.client.peer.slot == publisher.client.peer.slot)
        _ = successor.ask("f:c")
        durable.settle(1)
        #expect(successor.told() == nil)
        durable.settle(2)
        #expect(successor.told()?.id?.hasSuffix("-2") == true)
        #expect(durable.acks() == 0)
        durable.world.checkInvariants()
    }

    @Test(arguments: Way.allCases)
    func `one who is sent away gets its answer first`(_ way: Way) {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, way)
        _ = publisher.ask("f:c")
        durable.world.input(0) { $0.leave() }
        durable.world.settle()
        #expect(publisher.told() == nil && !publisher.client.isEnded)
        durable.settle(1)
        #expect(publisher.client.text.contains(#""id""#))
        if way == .command {
            let events = publisher.client.events()
            // The answer, when to return, and the close.
            #expect(events.count == 3)
            guard case .close(1012, _) = events.last else {
                Issue.record("\(events)")
                return
            }
            publisher.client.send(closeFrame(1012))
        }
        durable.world.settle()
        #expect(publisher.client.isEnded)
        durable.world.advance(10_000)
        #expect(durable.world.loops[0].shard.connectionCount == 0)
    }

    @Test func `a socket that is sent away publishes nothing more`() {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, .command)
        _ = publisher.ask("f:c")
        durable.world.input(0) { $0.leave() }
        durable.world.settle()
        publisher.feed("f:c")
        durable.world.settle()
        #expect(durable.world.shared.ring.published == 1)
        durable.settle(1)
        durable.world.settle()
        #expect(durable.world.shared.ring.published == 1)
    }

    @Test func `nor does it publish what had come before and waits its turn`() {
        let durable = DurableWorld { $0.limits.framesPerTurnMax = 1 }
        let publisher = TestPublisher(durable.world, .command)
        let publish = frame(#"{"op":"publish","channel":"f:c","data":1,"ref":1}"#)
        publisher.client.feed((0..<9).flatMap { _ in publish } + closeFrame(1000))
        durable.world.input(0) { $0.leave() }
        durable.world.settle()
        let published = durable.world.shared.ring.published
        #expect(published < 9 && !publisher.client.isEnded)
        durable.settle(published)
        durable.world.settle()
        #expect(durable.world.shared.ring.published == published)
        #expect(publisher.client.events().count == Int(published) + 2)
        #expect(publisher.client.isEnded, "its close frame was behind what waited")
        durable.world.checkInvariants()
    }

    @Test func `too much behind a request that waits ends the connection without a false answer`() {
        let durable = DurableWorld { $0.limits.inboundBytesTotal = 100 }
        let client = durable.world.connect()
        client.send(post("/channels/f:c", "1") + String(repeating: "A", count: 101))
        #expect(client.output.isEmpty && client.isEnded)
        #expect(durable.world.shared.counters.value(0, .refusedInbound) == 1)
        durable.settle(1)
        #expect(client.output.isEmpty)
        durable.world.checkInvariants()
    }

    @Test func `what settles between the last look and the sleep is seen`() {
        let durable = DurableWorld()
        let publisher = TestPublisher(durable.world, .fields)
        _ = publisher.ask("f:c")
        durable.world.settle()
        #expect(!durable.hasWork())
        durable.note(1)
        #expect(durable.hasWork())
        durable.world.turn(0)
        #expect(!durable.hasWork())
        #expect(publisher.told()?.id != nil)
    }

    @Test func `many answers are given over several turns`() {
        let durable = DurableWorld { $0.limits.acksPerConnectionMax = 1 << 14 }
        let publisher = TestPublisher(durable.world, .command)
        for _ in 0..<600 { publisher.feed("f:c") }
        durable.world.settle()
        for _ in 0..<8 {
            for _ in 0..<600 { publisher.feed("f:c") }
            durable.world.settle()
        }
        durable.note(5_400)
        durable.world.turn(0)
        #expect(durable.hasWork())
        durable.world.settle()
        #expect(publisher.client.texts().count == 5_400)
        #expect(durable.acks() == 0)
    }

    // MARK: - By chance

    @Test(arguments: seeds(60))
    func `nobody is told before the disk has it, everybody is told in the end`(_ seed: UInt64) {
        var random = Random(seed: seed)
        let durable = DurableWorld(loops: 3)
        let world = durable.world
        var publishers = (0..<8).map { TestPublisher(world, Way.allCases[$0 % 4], loop: $0 % 3) }
        var waiting = Array(repeating: 0, count: 8)
        var settled: UInt64 = 0
        func collect() {
            for index in publishers.indices {
                while let told = publishers[index].told() {
                    waiting[index] -= 1
                    guard let id = told.id, let sequence = UInt64(id.split(separator: "-")[1])
                    else {
                        Issue.record("seed \(seed): \(told)")
                        continue
                    }
                    #expect(sequence <= settled, "seed \(seed)")
                }
            }
        }
        for _ in 0..<200 {
            let index = random.below(publishers.count)
            switch random.below(6) {
            case 0:
                settled += UInt64(random.below(Int(world.shared.ring.published - settled) + 1))
                durable.note(settled)
            case 1: world.turn(random.below(3))
            case 2 where random.oneIn(4):
                publishers[index].client.cut()
                world.settle()
                collect()
                waiting[index] = 0
                publishers[index] = TestPublisher(world, Way.allCases[index % 4], loop: index % 3)
            default:
                publishers[index].feed("f:\(random.below(3))", Ask(key: "\(random.below(90))"))
                waiting[index] += 1
            }
            collect()
        }
        while waiting.contains(where: { $0 > 0 }), settled < 1_000 {
            world.settle()
            settled = max(settled + 1, world.shared.ring.published)
            durable.note(settled)
            world.settle()
            collect()
        }
        #expect(waiting.allSatisfy { $0 == 0 }, "seed \(seed): \(waiting)")
        for loop in 0..<3 { #expect(durable.acks(loop) == 0) }
        world.checkInvariants("seed \(seed)")
    }
}
