// What becomes of messages that wait for a slow client, by the policy of their namespace.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct SlowPolicyTests {
    /// What one of the messages below costs.
    static let cost = Message(
        channel: ChannelName(Array("old:c".utf8), key: HashKey(0, 0)), kind: .text,
        payload: Array("m00".utf8), timeMilliseconds: 0
    ).cost

    /// `old:…` drops the oldest, `new:…` holds the latest, `end:…` and all others disconnect.
    static func world(
        loops: Int = 1, backlog: Int = 1 << 20, _ configure: (inout Settings) -> Void = { _ in }
    ) -> World {
        World(loops: loops) {
            for (name, policy) in [
                ("old", .dropOldest), ("new", .latest), ("end", .disconnect),
            ] as [(String, Namespace.SlowPolicy)] {
                var namespace = Namespace(name: Array(name.utf8))
                namespace.slowPolicy = policy
                $0.namespaces.add(namespace)
            }
            $0.limits.backlogBytesMax = backlog
            configure(&$0)
        }
    }

    private func text(_ number: Int) -> String { number < 10 ? "m0\(number)" : "m\(number)" }

    private func publish(_ world: World, _ channel: String, _ numbers: Range<Int>) {
        for number in numbers { world.publish(channel, text(number)) }
    }

    /// Blocks a subscriber behind its first message.
    private func block(_ subscriber: Subscriber, _ channel: String) {
        subscriber.client.block()
        subscriber.world.publish(channel, text(0))
    }

    private func unblock(_ subscriber: Subscriber) {
        subscriber.client.unblock()
        subscriber.world.settle()
        subscriber.collect()
    }

    // MARK: - drop-oldest

    @Test(arguments: SlowClientTests.streaming)
    func `the oldest messages go, one gap is told in their place, and the newest come`(
        _ transport: Transport
    ) {
        let world = Self.world(loops: 2, backlog: 10 * Self.cost)
        let slow = Subscriber(world, transport, ["old:c"], loop: 1)
        block(slow, "old:c")
        publish(world, "old:c", 1..<40)
        unblock(slow)
        world.publish("old:c", "live")
        slow.collect()
        let first = 40 - (slow.seen.count - 2)
        #expect((6...10).contains(slow.seen.count - 2))
        #expect(slow.data == [text(0)] + (first..<40).map { text($0) } + ["live"])
        // A raw WebSocket can't be told.
        #expect(slow.gaps == (transport == .raw ? [] : [1]))
        #expect(slow.closeCode == nil && !slow.client.isClosed)
        #expect(world.shared.counters.total(.slowDropped) == UInt64(first - 1))
        #expect(world.shared.counters.total(.slowClosed) == 0)
        world.checkInvariants()
    }

    @Test(arguments: [0, 1])
    func `what fits exactly is kept, and one byte less drops one message`(_ less: Int) {
        let probe = Subscriber(Self.world(), .lines, ["old:c"])
        block(probe, "old:c")
        let world = Self.world(backlog: probe.client.kept.count + 5 * Self.cost - less)
        let slow = Subscriber(world, .lines, ["old:c"])
        block(slow, "old:c")
        publish(world, "old:c", 1..<6)
        unblock(slow)
        #expect(slow.data == ([0] + (1 + less..<6)).map { text($0) })
        #expect(slow.gaps == (less == 0 ? [] : [1]))
    }

    @Test(arguments: [Transport.v1, .events, .lines])
    func `each channel that lost some is told of once, before its next message`(
        _ transport: Transport
    ) {
        let world = Self.world(backlog: 8 * Self.cost)
        let slow = Subscriber(world, transport, ["old:c", "old:d", "old:e"])
        block(slow, "old:e")
        for number in 1..<30 { world.publish(number % 2 == 0 ? "old:c" : "old:d", text(number)) }
        unblock(slow)
        #expect(slow.gaps == [1, 1])
        #expect(slow.data.last == text(29))
        #expect(Set(slow.seen.suffix(2).map(\.channel)) == ["old:c", "old:d"])
    }

    @Test func `a poll whose past is on its way is told in its answer of what was dropped`() {
        let world = Self.world(loops: 2, backlog: 4 * Self.cost)
        let channel = world.channel(at: 1, "old:c")
        let first = world.publish(channel, text(0))
        let poll = Subscriber(world, .poll, [channel], loop: 0, after: first, settled: false)
        for number in 1..<10 {
            _ = world.post(channel, text(number))
            world.turn(0)
        }
        world.settle()
        poll.collect()
        #expect(poll.data.last == text(9))
        // The home tells what it had when it was asked; what came later waited, and was too much.
        #expect(poll.gaps == (poll.data.count == 9 ? [] : [0]))
        world.checkInvariants()
    }

    // MARK: - latest

    @Test(arguments: SlowClientTests.streaming)
    func `only the newest message of each channel waits, and it always arrives`(
        _ transport: Transport
    ) {
        let world = Self.world(loops: 2, backlog: 4 * Self.cost)
        let slow = Subscriber(world, transport, ["new:c", "new:d"], loop: 1)
        block(slow, "new:c")
        for number in 1..<40 { world.publish(number % 3 == 0 ? "new:d" : "new:c", text(number)) }
        unblock(slow)
        #expect(slow.data == [text(0), text(38), text(39)])
        #expect(slow.gaps.isEmpty && slow.closeCode == nil)
        #expect(
            slow.ids == slow.ids.sorted { $0.count == $1.count ? $0 < $1 : $0.count < $1.count })
        #expect(world.shared.counters.total(.slowSuperseded) == 37)
        world.publish("new:c", "live")
        slow.collect()
        #expect(slow.data.last == "live")
        world.checkInvariants()
    }

    @Test(arguments: SlowClientTests.streaming.filter(\.hasIDs))
    func `one cut after a newer message than another channel's misses nothing of that`(
        _ transport: Transport
    ) {
        let world = Self.world { $0.limits.catchUpBytesPerTurnMax = 1 }
        let slow = Subscriber(world, transport, ["new:c", "end:d"])
        block(slow, "new:c")
        world.publish("new:c", text(1))
        world.publish("end:d", text(2))
        world.publish("new:c", text(3))
        slow.client.unblock()
        // One message a turn: the connection is cut after each number of them.
        world.turn(0)
        slow.collect()
        slow.client.cut()
        slow.resume(loop: 0, after: slow.lastID)
        #expect(slow.data.filter { $0 == text(2) }.count == 1)
        #expect(slow.data.last == text(3))
    }

    // MARK: - Several policies

    @Test(arguments: SlowClientTests.streaming)
    func `of a connection under several policies only what may be dropped is dropped`(
        _ transport: Transport
    ) {
        let world = Self.world(backlog: 10 * Self.cost)
        let slow = Subscriber(world, transport, ["old:c", "new:c", "end:c"])
        block(slow, "end:c")
        publish(world, "end:c", 1..<4)
        publish(world, "new:c", 10..<30)
        publish(world, "old:c", 30..<60)
        unblock(slow)
        #expect(slow.closeCode == nil && !slow.client.isClosed)
        #expect(slow.data.prefix(5) == [text(0), text(1), text(2), text(3), text(29)])
        #expect(slow.data.last == text(59))
        #expect(slow.seen.count < 15)
    }

    @Test(arguments: SlowClientTests.streaming, [(5, false), (12, true)])
    func `one whose messages may not be dropped, and are too many alone, is closed`(
        _ transport: Transport, _ firm: (count: Int, isClosed: Bool)
    ) {
        let world = Self.world(backlog: 10 * Self.cost)
        let slow = Subscriber(world, transport, ["old:c", "end:c"])
        block(slow, "end:c")
        publish(world, "old:c", 0..<20)
        publish(world, "end:c", 1..<firm.count)
        #expect(world.shared.counters.total(.slowClosed) == (firm.isClosed ? 1 : 0))
        unblock(slow)
        #expect(slow.isOver == firm.isClosed)
        world.checkInvariants()
    }

    @Test func `frames of a component are never dropped, and come in order`() {
        let world = Self.world(backlog: 6 * Self.cost)
        let slow = Subscriber(world, .raw, ["old:c"])
        block(slow, "old:c")
        for number in 0..<3 {
            world.input(0) { $0.send([0x30 + UInt8(number)], text: true, to: slow.client.peer) }
        }
        publish(world, "old:c", 1..<30)
        unblock(slow)
        #expect(slow.data.prefix(4) == [text(0), "0", "1", "2"])
        #expect(slow.data.last == text(29))
    }

    @Test func `pongs and answers to commands come, whatever is dropped`() {
        let world = Self.world(backlog: 6 * Self.cost)
        let client = world.connect()
        client.send(upgrade("/channels/old:c", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        client.block()
        world.publish("old:c", text(0))
        client.send(frame(.ping, [1, 2]) + frame(#"{"op":"ping","ref":5}"#))
        publish(world, "old:c", 1..<30)
        client.unblock()
        world.settle()
        let events = client.events()
        #expect(events.contains { if case .pong([1, 2]) = $0 { true } else { false } })
        let texts = events.compactMap { event -> String? in
            if case .message(_, let payload, _) = event {
                return String(decoding: payload, as: UTF8.self)
            }
            return nil
        }
        #expect(texts.contains(#"{"ok":5}"#))
        #expect(texts.contains { $0.contains(#""gap""#) })
        #expect(texts.contains { $0.contains(text(29)) })
    }

    // MARK: - Age

    /// Takes a little every ten seconds, so that the socket is never still for long.
    private func trickle(_ subscriber: Subscriber, _ channel: String, rounds: Int) {
        for round in 0..<rounds {
            subscriber.world.publish(channel, text(round + 1))
            subscriber.world.advance(10_000)
            guard !subscriber.isOver else { return }
            subscriber.client.unblock()
            subscriber.client.room = 1
            // A WebSocket that says nothing for a minute is gone, slow or not.
            if [.raw, .v1].contains(subscriber.transport) {
                subscriber.client.feed(frame(.pong, []))
            }
            subscriber.world.settle()
            subscriber.collect()
        }
    }

    @Test(arguments: SlowClientTests.streaming)
    func `a reader that trickles is closed when a message has waited for 30 seconds`(
        _ transport: Transport
    ) {
        let world = Self.world { $0.limits.catchUpBytesPerTurnMax = 1 }
        let slow = Subscriber(world, transport, ["end:c"])
        block(slow, "end:c")
        publish(world, "end:c", 50..<70)
        trickle(slow, "end:c", rounds: 2)
        #expect(!slow.isOver && world.shared.counters.total(.slowClosed) == 0)
        trickle(slow, "end:c", rounds: 2)
        #expect(world.shared.counters.total(.slowClosed) == 1)
        unblock(slow)
        #expect(slow.isOver)
        world.checkInvariants()
    }

    @Test(arguments: SlowClientTests.streaming)
    func `under drop-oldest the same reader loses what has waited for 30 seconds`(
        _ transport: Transport
    ) {
        let world = Self.world { $0.limits.catchUpBytesPerTurnMax = 1 }
        let slow = Subscriber(world, transport, ["old:c"])
        block(slow, "old:c")
        publish(world, "old:c", 50..<70)
        trickle(slow, "old:c", rounds: 8)
        #expect(!slow.isOver)
        #expect(world.shared.counters.total(.slowDropped) > 10)
        unblock(slow)
        #expect(slow.data.last == text(8) && !slow.isOver)
        #expect(slow.gaps.isEmpty == (transport == .raw))
        world.checkInvariants()
    }

    @Test(arguments: SlowClientTests.streaming)
    func `under latest the same reader keeps the newest, however long it waits`(
        _ transport: Transport
    ) {
        let world = Self.world { $0.limits.catchUpBytesPerTurnMax = 1 }
        let slow = Subscriber(world, transport, ["new:c", "new:d"])
        block(slow, "new:c")
        world.publish("new:d", text(99))
        trickle(slow, "new:c", rounds: 8)
        world.checkInvariants()
        unblock(slow)
        #expect(!slow.isOver && slow.data.contains(text(99)) && slow.data.last == text(8))
    }

    // MARK: - Unsubscribing

    @Test func `after an unsubscribe nothing of the channel comes any more`() throws {
        let world = Self.world { $0.limits.catchUpBytesPerTurnMax = 1 }
        let client = world.connect()
        client.send(
            upgrade("/channels?name=end:c&name=end:d", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        client.block()
        for number in 0..<10 { world.publish(number % 2 == 0 ? "end:c" : "end:d", text(number)) }
        client.unblock()
        world.turn(0)
        client.feed(frame(#"{"op":"unsubscribe","channel":"end:c","ref":7}"#))
        world.settle()
        let texts = client.texts()
        let answered = try #require(texts.firstIndex { $0.contains(#""ok":7"#) })
        #expect(!texts[answered...].contains { $0.contains("end:c") })
        #expect(texts.count { $0.contains("end:d") } == 5)
        world.checkInvariants()
    }
}
