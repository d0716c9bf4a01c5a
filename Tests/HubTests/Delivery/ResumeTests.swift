// Going on after an id: on the same loop and on another, over the same transport and another.

@testable import Hub
import Ring
import Testing
import Wire

/// A transport, and the loop to resume on when the messages were published on loop 0.
struct Resumption: CustomTestStringConvertible {
    let transport: Transport
    let loop: Int
    let home: Int

    var testDescription: String { "\(transport) on \(loop), home \(home)" }

    static let all: [Resumption] = Transport.allCases.flatMap { transport in
        (0..<2).flatMap { loop in
            (0..<2).map { Resumption(transport: transport, loop: loop, home: $0) }
        }
    }
}

@Suite struct ResumeTests {
    // MARK: - Between two loops

    @Test(arguments: 0..<3, Transport.allCases)
    func `what another loop has answered before is behind now`(_ home: Int, _ transport: Transport)
        throws
    {
        let world = World(loops: 3)
        let channel = world.channel(at: home)
        // Only loop 0 has a turn.
        _ = try #require(world.post(channel, "before"))
        let subscriber = Subscriber(world, transport, [channel], loop: 1)
        world.publish(channel, "after")
        subscriber.collect()
        #expect(subscriber.data == ["after"])
        #expect(subscriber.gaps.isEmpty)
    }

    @Test(arguments: 0..<3)
    func `what another loop has answered before is in the history`(_ home: Int) throws {
        let world = World(loops: 3)
        let channel = world.channel(at: home)
        let reader = world.connect(loop: 1)
        _ = try #require(world.post(channel, "before"))
        reader.send(request("/channels/\(channel)/messages"))
        #expect(reader.answer()?.messages.map(\.data) == ["before"])
    }

    @Test(arguments: 0..<3)
    func `what another loop has answered before is told by the history command`(_ home: Int) throws
    {
        let world = World(loops: 3)
        let channel = world.channel(at: home)
        let subscriber = Subscriber(world, .v1, ["other"], loop: 1)
        _ = try #require(world.post(channel, "before"))
        let command = "{\"op\":\"history\",\"channel\":\"\(channel)\",\"ref\":1}"
        subscriber.client.send(frame(.text, Array(command.utf8)))
        let texts = subscriber.client.events().compactMap { event -> String? in
            guard case .message(true, let payload, _) = event else { return nil }
            return String(decoding: payload, as: UTF8.self)
        }
        #expect(texts.contains { $0.contains("\"before\"") })
    }

    @Test(arguments: Resumption.all)
    func `after an id come all later messages, then the live ones`(_ how: Resumption) {
        let world = World(loops: 2)
        let channel = world.channel(at: how.home)
        var ids: [String] = []
        for number in 0..<6 { ids.append(world.publish(channel, "m\(number)")) }
        let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: ids[2])
        #expect(subscriber.data == ["m3", "m4", "m5"])
        #expect(subscriber.gaps.isEmpty)
        subscriber.pollAgain()
        world.publish(channel, "live", loop: 1)
        subscriber.collect()
        #expect(subscriber.data == ["m3", "m4", "m5", "live"])
        if how.transport.hasIDs { #expect(subscriber.ids.prefix(3) == ids[3...]) }
    }

    @Test(arguments: Resumption.all)
    func `after=first begins at the oldest message kept`(_ how: Resumption) {
        let world = World(loops: 2) { $0.namespaces.fallback.historyMessagesMax = 3 }
        let channel = world.channel(at: how.home)
        for number in 0..<5 { world.publish(channel, "m\(number)") }
        let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: "first")
        #expect(subscriber.data == ["m2", "m3", "m4"])
        #expect(subscriber.gaps.isEmpty)
        #expect(subscriber.closeCode == nil)
    }

    @Test(arguments: Resumption.all)
    func `a past that is still being fetched and what is live meanwhile make one sequence`(
        _ how: Resumption
    ) {
        // Every way in which the two loops can take their turns around the resumption.
        for order in 0..<64 {
            let world = World(loops: 2)
            let channel = world.channel(at: how.home)
            let first = world.publish(channel, "m0")
            // The other loop, which may be the channel's home, is ahead by this one.
            _ = world.post(channel, "m1", loop: 1 - how.loop)
            let subscriber = Subscriber(
                world, how.transport, [channel], loop: how.loop, after: first, settled: false)
            for step in 0..<6 {
                if step % 2 == 0 { _ = world.post(channel, "m\(step / 2 + 2)", loop: step / 2 % 2) }
                world.turn(order >> step & 1)
            }
            world.settle()
            subscriber.collect()
            subscriber.pollAgain()
            world.settle()
            subscriber.collect()
            #expect(subscriber.data == (1..<5).map { "m\($0)" }, "order \(order)")
        }
    }

    @Test func `loops that sleep are woken to ask for a past, and for its coming`() {
        let world = World(loops: 2)
        let channel = world.channel(at: 1)
        world.publish(channel, "m0")
        let subscriber = Subscriber(
            world, .lines, [channel], loop: 0, after: "first", settled: false)
        #expect(world.calls(0) == Calls(toTurn: [1]))
        world.turn(0)
        world.input(1) { $0.work() }
        #expect(world.calls(1) == Calls(toTurn: [0]))
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == ["m0"])
    }

    @Test(arguments: Resumption.all)
    func `an id too old is answered with a gap and all that is kept`(_ how: Resumption) {
        let world = World(loops: 2) { $0.namespaces.fallback.historyMessagesMax = 3 }
        let channel = world.channel(at: how.home)
        var ids: [String] = []
        for number in 0..<6 { ids.append(world.publish(channel, "m\(number)")) }
        for (place, id) in ids.enumerated() {
            let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: id)
            // After the third nothing is missing: the fourth to the sixth are kept.
            expectGap(subscriber, place < 2, then: place < 2 ? 3 : 5 - place)
        }
    }

    @Test(
        arguments: Resumption.all,
        ["other-1", "nonsense", "other", "%", "1", String(repeating: "x", count: 300)])
    func `an id of another life, or none at all, is answered with a gap`(
        _ how: Resumption, _ id: String
    ) {
        guard how.transport == .events || id != "%" else { return }
        let world = World(loops: 2)
        let channel = world.channel(at: how.home)
        world.publish(channel, "m0")
        world.publish(channel, "m1")
        let subscriber = Subscriber(world, how.transport, [channel], loop: how.loop, after: id)
        expectGap(subscriber, true, then: 2)
    }

    @Test(arguments: Resumption.all)
    func `an id of the future is answered with a gap`(_ how: Resumption) {
        let world = World(loops: 2)
        let channel = world.channel(at: how.home)
        let id = world.publish(channel, "m0")
        let future = id.dropLast(1) + "2"
        let subscriber = Subscriber(
            world, how.transport, [channel], loop: how.loop, after: String(future))
        expectGap(subscriber, true, then: 1)
    }

    private func expectGap(
        _ subscriber: Subscriber, _ expected: Bool, then messages: Int,
        _ place: SourceLocation = #_sourceLocation
    ) {
        if expected && subscriber.transport == .raw {
            #expect(subscriber.closeCode == 4410, sourceLocation: place)
            #expect(subscriber.seen.isEmpty, sourceLocation: place)
        } else {
            #expect(subscriber.gaps == (expected ? [0] : []), sourceLocation: place)
            #expect(subscriber.closeCode == nil, sourceLocation: place)
            #expect(subscriber.seen.count == messages, sourceLocation: place)
        }
    }

    @Test func `the id of one transport goes on over every other, on every loop`() {
        for first in Transport.allCases where first.hasIDs {
            for second in Transport.allCases {
                for loop in 0..<2 {
                    let world = World(loops: 2)
                    let subscriber = Subscriber(world, first, ["c"])
                    world.publish("c", "m0")
                    subscriber.collect()
                    subscriber.client.cut()
                    world.publish("c", "m1")
                    let next = Subscriber(
                        world, second, ["c"], loop: loop, after: subscriber.lastID)
                    #expect(subscriber.data == ["m0"])
                    #expect(next.data == ["m1"], "\(first) then \(second) on \(loop)")
                }
            }
        }
    }

    @Test func `a stream that was cut before its first message goes on where it began`() {
        for transport in [Transport.events, .lines] {
            let world = World(loops: 2)
            world.publish("c", "before")
            let subscriber = Subscriber(world, transport, ["c"], loop: 1)
            subscriber.client.cut()
            world.publish("c", "missed")
            let next = Subscriber(world, transport, ["c"], loop: 0, after: subscriber.lastID)
            #expect(next.data == ["missed"], "\(transport)")
            #expect(next.gaps.isEmpty)
        }
    }

    @Test(arguments: ["after", "lastEventId", "last_event_id"])
    func `the query names the id under each of its names`(_ name: String) {
        let world = World()
        let id = world.publish("c", "m0")
        world.publish("c", "m1")
        let client = world.connect()
        client.send(request("/channels/c?\(name)=\(id)"))
        #expect(client.answer()?.messages.map(\.data) == ["m1"])
    }

    @Test(arguments: Transport.allCases, 0..<2)
    func `the pasts of channels with different homes come in one order`(
        _ transport: Transport, _ loop: Int
    ) {
        let world = World(loops: 2)
        let channels = [world.channel(at: 0), world.channel(at: 1), world.channel(at: 0, "d")]
        let first = world.publish(channels[0], "m0")
        for number in 1..<9 { world.publish(channels[number % 3], "m\(number)") }
        let subscriber = Subscriber(world, transport, channels, loop: loop, after: first)
        subscriber.pollAgain()
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == (1..<9).map { "m\($0)" })
    }

    @Test(arguments: Transport.allCases)
    func `a past larger than the backlog may be is caught up with while messages come`(
        _ transport: Transport
    ) {
        let world = World(loops: 2) {
            $0.limits.backlogBytesMax = 10_000
            $0.limits.catchUpBytesPerTurnMax = 2_000
        }
        let channel = world.channel(at: 1)
        let text = String(repeating: "x", count: 1_000)
        for number in 0..<30 { world.publish(channel, "\(number)\(text)") }
        let subscriber = Subscriber(
            world, transport, [channel], loop: 0, after: "first", settled: false)
        for number in 30..<35 {
            world.turn(0)
            world.turn(1)
            _ = world.post(channel, "\(number)\(text)", loop: 1)
        }
        world.settle()
        subscriber.collect()
        subscriber.pollAgain()
        world.settle()
        subscriber.collect()
        #expect(subscriber.closeCode == nil)
        #expect(subscriber.data == (0..<35).map { "\($0)\(text)" })
    }

    @Test
    func `a subscription made anew while the first one's past is on its way gets its own past`() {
        let world = World(loops: 2)
        let channel = world.channel(at: 1)
        var ids: [String] = []
        for number in 0..<6 { ids.append(world.publish(channel, "m\(number)")) }
        let client = world.connect(loop: 0)
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        client.feed(frame(#"{"op":"subscribe","channel":"\#(channel)","after":"\#(ids[4])"}"#))
        client.feed(frame(#"{"op":"unsubscribe","channel":"\#(channel)"}"#))
        client.feed(frame(#"{"op":"subscribe","channel":"\#(channel)","after":"\#(ids[1])"}"#))
        world.settle()
        let seen = client.texts().map { Seen(object(Array($0.utf8))) }
        #expect(seen.map(\.data) == ["m2", "m3", "m4", "m5"])
    }
}
