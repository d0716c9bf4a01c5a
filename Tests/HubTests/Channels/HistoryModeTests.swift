// What those who come, and come back, are given in each mode of history, over every transport.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct HistoryModeTests {
    private func world(_ history: Namespace.History, loops: Int = 2) -> World {
        World(loops: loops) {
            var namespace = Namespace(name: Array("n".utf8))
            namespace.history = history
            if history == .last { namespace.historyMillisecondsMax = .max }
            $0.namespaces.add(namespace)
        }
    }

    /// A channel of the namespace that lives on `loop`.
    private func channel(_ world: World, at loop: Int) -> String { world.channel(at: loop, "n:c") }

    // MARK: - Last

    @Test(arguments: Resumption.all)
    func `a new subscriber begins with the newest message, and goes on live`(_ how: Resumption) {
        let world = world(.last)
        let channel = channel(world, at: how.home)
        for number in 0..<4 { world.publish(channel, "m\(number)") }
        let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop)
        #expect(subscriber.data == ["m3"])
        subscriber.pollAgain()
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == ["m3"])
        if how.transport == .poll { #expect(subscriber.isPolling) }
        world.publish(channel, "live")
        subscriber.collect()
        #expect(subscriber.data == ["m3", "live"])
        #expect(subscriber.gaps.isEmpty && subscriber.closeCode == nil)
        world.checkInvariants()
    }

    @Test(arguments: [Transport.events, .lines])
    func `one who is cut before the newest came begins with it again`(_ transport: Transport) {
        let world = world(.last)
        let channel = channel(world, at: 1)
        world.publish(channel, "m0")
        world.publish("other", "m1")
        let cut = Subscriber(world, transport, [channel], settled: false)
        world.turn(0)
        cut.collect()
        #expect(cut.statuses == [200] && cut.data.isEmpty)
        cut.client.cut()
        #expect(Subscriber(world, transport, [channel], after: cut.lastID).data == ["m0"])
    }

    @Test(arguments: Resumption.all)
    func `one with an id gets the newest if it is newer, and is told of no gap`(_ how: Resumption) {
        let world = world(.last)
        let channel = channel(world, at: how.home)
        var ids: [String] = []
        for number in 0..<4 { ids.append(world.publish(channel, "m\(number)")) }
        for (place, id) in ids.enumerated() {
            let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: id)
            #expect(subscriber.data == (place < 3 ? ["m3"] : []))
            #expect(subscriber.gaps.isEmpty && subscriber.closeCode == nil)
        }
    }

    @Test(arguments: Resumption.all)
    func `an id of another life gets the newest, which supersedes all it knew`(_ how: Resumption) {
        let world = world(.last)
        let channel = channel(world, at: how.home)
        world.publish(channel, "m0")
        let subscriber = Subscriber(
            world, how.transport, [channel], loop: how.loop, after: "other-7")
        #expect(subscriber.data == ["m0"])
        #expect(subscriber.gaps.isEmpty && subscriber.closeCode == nil)
    }

    @Test(arguments: Resumption.all)
    func `one whose newest message is itself gone is told of a gap`(_ how: Resumption) {
        let world = World(loops: 2) {
            $0.namespaces.fallback.history = .last
            $0.namespaces.fallback.historyMillisecondsMax = 10_000
        }
        let channel = world.channel(at: how.home)
        let first = world.publish(channel, "m0")
        let second = world.publish(channel, "m1")
        world.advance(11_002)
        for (id, isGap) in [(first, true), (second, false), ("other-7", true)] {
            let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: id)
            subscriber.expectGap(isGap)
            #expect(subscriber.seen.isEmpty)
            subscriber.client.cut()
        }
        let new = Subscriber(world, how.transport, [channel], loop: how.loop)
        #expect(new.seen.isEmpty && new.gaps.isEmpty && new.closeCode == nil)
    }

    @Test(arguments: Transport.allCases)
    func `channels of several modes are followed from now, each in its own way`(
        _ transport: Transport
    ) {
        let world = world(.last)
        world.publish("n:last", "old")
        world.publish("log", "before")
        world.publish("n:last", "kept")
        let subscriber = Subscriber(world, transport, ["log", "n:last", "n:empty"], loop: 1)
        subscriber.pollAgain()
        world.settle()
        world.publish("log", "live")
        subscriber.collect()
        #expect(subscriber.data == ["kept", "live"])
        #expect(subscriber.gaps.isEmpty)
    }

    @Test(arguments: 0..<2, 0..<64)
    func `the newest kept and what is live meanwhile come once, and the last of them always`(
        _ home: Int, _ order: Int
    ) {
        let world = world(.last)
        let channel = channel(world, at: home)
        world.publish(channel, "m0")
        _ = world.post(channel, "m1", loop: 1)
        let subscriber = Subscriber(world, .lines, [channel], loop: 0, settled: false)
        for step in 0..<6 {
            if step % 2 == 0 { _ = world.post(channel, "m\(step / 2 + 2)", loop: step / 2 % 2) }
            world.turn(order >> step & 1)
        }
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == subscriber.data.sorted())
        #expect(Set(subscriber.data).count == subscriber.data.count)
        #expect(subscriber.data.last == "m4")
    }

    @Test func `a command subscribes to the newest, and history answers with it alone`() throws {
        let world = world(.last)
        for number in 0..<3 { world.publish("n:c", "m\(number)") }
        let client = world.connect(loop: 1)
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        client.send(frame(#"{"op":"subscribe","channel":"n:c","ref":1}"#))
        let texts = client.texts().map { object(Array($0.utf8)) }
        #expect(texts.contains { $0["ok"] as? Int == 1 && $0["id"] == nil })
        #expect(texts.compactMap { $0["data"] as? String } == ["m2"])
        let asking = world.connect(loop: 1)
        asking.send(request("/channels/n:c/messages"))
        #expect(try #require(asking.answer()).messages.map(\.data) == ["m2"])
    }

    // MARK: - Off

    @Test(arguments: Resumption.all)
    func `without history one who resumes is told that messages may be missing`(_ how: Resumption) {
        let world = world(.off)
        let channel = channel(world, at: how.home)
        let first = world.publish(channel, "m0")
        let second = world.publish(channel, "m1")
        for (id, isGap) in [(first, true), (second, false)] {
            let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: id)
            subscriber.expectGap(isGap)
            #expect(subscriber.seen.isEmpty)
        }
        #expect(world.shared.counters.total(.historyBytes) == 0)
    }

    // MARK: - Messages with a time of their own

    @Test(arguments: Resumption.all, [(1_000, true), (1_001, false)] as [(UInt64, Bool)])
    func `a message is given to those who come back while it lives, and is no gap afterwards`(
        _ how: Resumption, _ time: (milliseconds: UInt64, isSeen: Bool)
    ) {
        let world = World(loops: 2)
        let channel = world.channel(at: how.home)
        let first = world.publish(channel, "m0")
        world.publishMortal(channel, "mortal", milliseconds: 1_000)
        world.publish(channel, "m2")
        world.pass(time.milliseconds)
        let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: first)
        #expect(subscriber.data == (time.isSeen ? ["mortal", "m2"] : ["m2"]))
        #expect(subscriber.gaps.isEmpty && subscriber.closeCode == nil)
    }

    @Test func `a message whose time is up is dropped in the sweep, and still is no gap`() {
        let world = World()
        let first = world.publish("c", "m0")
        world.publishMortal("c", "mortal", milliseconds: 500)
        world.publish("c", "m2")
        let before = world.shared.counters.total(.historyBytes)
        world.advance(1_001)
        #expect(world.shared.counters.total(.historyBytes) < before)
        #expect(world.loops[0].shard.ledger.count == 2)
        let subscriber = Subscriber(world, .lines, ["c"], after: first)
        #expect(subscriber.data == ["m2"] && subscriber.gaps.isEmpty)
        world.checkInvariants()
    }

    @Test(arguments: SlowClientTests.streaming)
    func `a message whose time is up while it waits is not told, and is no gap`(
        _ transport: Transport
    ) {
        let world = World()
        let slow = Subscriber(world, transport, ["c"])
        slow.client.block()
        world.publish("c", "m0")
        world.publishMortal("c", "short", milliseconds: 999)
        world.publishMortal("c", "long", milliseconds: 1_000)
        world.pass(1_000)
        slow.client.unblock()
        world.settle()
        slow.collect()
        #expect(slow.data == ["m0", "long"])
        #expect(slow.gaps.isEmpty && slow.closeCode == nil)
    }

    @Test func `a newest message whose time is up is not what a subscriber begins with`() {
        let world = world(.last)
        let first = world.publish("n:c", "m0")
        world.publishMortal("n:c", "mortal", milliseconds: 10)
        world.pass(11)
        #expect(Subscriber(world, .lines, ["n:c"]).seen.isEmpty)
        let back = Subscriber(world, .lines, ["n:c"], after: first)
        #expect(back.seen.isEmpty && back.gaps.isEmpty)
    }
}

extension Subscriber {
    /// That it is told of a gap, or not, each transport in its way: a poll in its answer, which
    /// comes when its time is up.
    func expectGap(_ isGap: Bool, _ place: SourceLocation = #_sourceLocation) {
        if transport == .poll { world.advance(26_000) }
        collect()
        if transport == .raw {
            #expect((closeCode == 4410) == isGap, sourceLocation: place)
        } else {
            #expect(gaps == (isGap ? [0] : []), sourceLocation: place)
            #expect(closeCode == nil, sourceLocation: place)
        }
    }
}

extension World {
    /// Publishes a message with a time of its own, and lets it arrive everywhere.
    func publishMortal(_ channel: String, _ text: String, milliseconds: UInt32) {
        input(0) { shard in
            let outcome = shard.publish(
                Publication(
                    channel: ChannelName(Array(channel.utf8), key: settings.hashKey), kind: .text,
                    payload: Array(text.utf8), timeToLiveMilliseconds: milliseconds))
            guard case .published = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
        settle()
    }
}
