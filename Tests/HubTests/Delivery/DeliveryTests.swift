// Who gets what, over each transport.

@testable import Hub
import Testing
import Wire

@Suite struct DeliveryTests {
    @Test(arguments: Transport.allCases)
    func `a message reaches a subscriber on the same loop and on another`(_ transport: Transport) {
        let world = World(loops: 2)
        let here = Subscriber(world, transport, ["news"], loop: 0)
        let there = Subscriber(world, transport, ["news"], loop: 1)
        world.publish("news", "hello", loop: 0)
        here.collect()
        there.collect()
        #expect(here.data == ["hello"])
        #expect(there.data == ["hello"])
    }

    @Test func `all transports show the same messages with the same ids in the same order`() {
        let world = World(loops: 3)
        let all = Transport.allCases.flatMap { transport in
            (0..<3).map { Subscriber(world, transport, ["news"], loop: $0) }
        }
        var ids: [String] = []
        for number in 0..<6 {
            ids.append(world.publish("news", "m\(number)", loop: number % 3))
            for subscriber in all {
                subscriber.collect()
                subscriber.pollAgain()
            }
            world.settle()
        }
        for subscriber in all {
            #expect(subscriber.data == (0..<6).map { "m\($0)" }, "\(subscriber.transport)")
            if subscriber.transport.hasIDs { #expect(subscriber.ids == ids) }
        }
    }

    @Test(arguments: Transport.allCases)
    func `messages of one turn come whole and in order`(_ transport: Transport) {
        let world = World(loops: 2)
        let subscriber = Subscriber(world, transport, ["news"], loop: 1)
        for number in 0..<50 { _ = world.post("news", "m\(number)", loop: 0) }
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == (0..<50).map { "m\($0)" })
    }

    @Test(arguments: Transport.allCases)
    func `one connection follows several channels in the order of their ids`(_ transport: Transport)
    {
        let world = World(loops: 2)
        let subscriber = Subscriber(world, transport, ["a", "b", "c"], loop: 1)
        var expected: [String] = []
        for number in 0..<9 {
            let channel = ["a", "b", "x", "c"][number % 4]
            _ = world.post(channel, "m\(number)")
            if channel != "x" { expected.append("m\(number)") }
        }
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == expected)
        if transport != .raw { #expect(Set(subscriber.seen.map(\.channel)) == ["a", "b", "c"]) }
    }

    @Test func `a channel's message goes to nobody else`() {
        let world = World(loops: 2)
        let others = Transport.allCases.map { Subscriber(world, $0, ["other"]) }
        world.publish("news", "m")
        for other in others {
            other.collect()
            #expect(other.seen.isEmpty)
        }
    }

    @Test func `a subscriber that leaves takes nobody with it`() {
        let world = World(loops: 1)
        var all = (0..<10).map { _ in Subscriber(world, .raw, ["news", "more"]) }
        for index in [0, 4, 7, 3] {
            all.remove(at: index % all.count).client.cut()
            world.settle()
            world.publish("news", "n\(index)")
            world.publish("more", "m\(index)")
        }
        for subscriber in all {
            subscriber.collect()
            #expect(subscriber.data == ["n0", "m0", "n4", "m4", "n7", "m7", "n3", "m3"])
        }
    }

    @Test func `with echo=0 a raw client does not get its own messages, others do`() {
        let world = World(loops: 2)
        let own = Subscriber(world, .raw, ["chat"], loop: 0, query: "echo=0")
        let near = Subscriber(world, .raw, ["chat"], loop: 0)
        let far = Subscriber(world, .raw, ["chat"], loop: 1, query: "echo=0")
        own.client.send(frame("mine"))
        near.client.send(frame("yours"))
        for subscriber in [own, near, far] { subscriber.collect() }
        #expect(own.data == ["yours"])
        #expect(near.data == ["mine", "yours"])
        #expect(far.data == ["mine", "yours"])
    }

    @Test func `messages of several senders in one turn spare each its own`() {
        let world = World(loops: 2)
        let senders = (0..<3).map {
            Subscriber(world, .raw, ["chat"], loop: $0 % 2, query: "echo=0")
        }
        let others = (0..<2).map { Subscriber(world, .events, ["chat"], loop: $0) }
        // 0 and 2 are on one loop; one message between them is nobody's.
        let order = [0, 2, 2, 0, 1, 0, 2]
        for (number, sender) in order.enumerated() {
            senders[sender].client.feed(frame("\(number)"))
            if number == 3 { _ = world.post("chat", "x", loop: 0) }
        }
        world.settle()
        for subscriber in senders + others { subscriber.collect() }
        let all = ["0", "1", "2", "3", "x", "4", "5", "6"]
        for (index, sender) in senders.enumerated() {
            let own = order.indices.filter { order[$0] == index }.map { "\($0)" }
            #expect(sender.data == all.filter { !own.contains($0) })
        }
        for other in others { #expect(other.data == all) }
    }

    @Test(arguments: 0..<2)
    func `with echo=0 no past brings a client its own messages back`(_ home: Int) {
        let world = World(loops: 2)
        let channel = world.channel(at: home)
        world.publish(channel, "past")
        let own = world.connect(loop: 0)
        own.send(upgrade("/connect?echo=0", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(own.answer()?.status == 101)
        own.send(frame(#"{"op":"publish","channel":"\#(channel)","data":"mine"}"#))
        own.send(frame(#"{"op":"subscribe","channel":"\#(channel)","after":"first"}"#))
        #expect(own.texts().map { Seen(object(Array($0.utf8))).data } == ["past"])
    }

    @Test func `text and JSON travel as text frames, bytes as binary ones`() {
        let world = World()
        let subscriber = Subscriber(world, .raw, ["c"])
        let client = world.connect()
        client.send(post("/channels/c", "text"))
        client.send(post("/channels/c", "{}", ["Content-Type: application/json"]))
        client.send(post("/channels/c", "bytes", ["Content-Type: application/octet-stream"]))
        let events = subscriber.client.events()
        #expect(
            events == [
                .message(text: true, payload: Array("text".utf8), compressed: false),
                .message(text: true, payload: Array("{}".utf8), compressed: false),
                .message(text: false, payload: Array("bytes".utf8), compressed: false),
            ])
    }

    @Test func `event names and line breaks come through every transport that has them`() {
        let world = World()
        let all = [Transport.v1, .events, .lines, .poll].map { Subscriber(world, $0, ["c"]) }
        world.connect().send(post("/channels/c?event=note", "one\ntwo\r\nthree"))
        for subscriber in all {
            subscriber.collect()
            #expect(subscriber.seen.map(\.event) == ["note"])
            let data = subscriber.transport == .events ? "one\ntwo\nthree" : "one\ntwo\r\nthree"
            #expect(subscriber.data == [data])
        }
    }

    @Test func `more than a turn takes from the ring is delivered by the next turns`() {
        let world = World(loops: 2) { $0.limits.drainMessagesPerTurnMax = 3 }
        let subscriber = Subscriber(world, .v1, ["c"], loop: 1)
        for number in 0..<20 { _ = world.post("c", "m\(number)") }
        world.turn(1)
        subscriber.collect()
        #expect(subscriber.data == ["m0", "m1", "m2"])
        world.settle()
        subscriber.collect()
        #expect(subscriber.data == (0..<20).map { "m\($0)" })
    }

    @Test(arguments: Transport.allCases)
    func `a turn that frames its bytes' fill leaves the rest to the next`(_ transport: Transport) {
        let world = World(loops: 2) { $0.limits.drainBytesPerTurnMax = 300 }
        let subscriber = Subscriber(world, transport, ["c"], loop: 1)
        let text = String(repeating: "x", count: 100)
        for number in 0..<20 { _ = world.post("c", "\(number)\(text)") }
        world.settle()
        while true {
            let before = subscriber.seen.count
            subscriber.collect()
            subscriber.pollAgain()
            world.settle()
            subscriber.collect()
            if subscriber.seen.count == before { break }
        }
        #expect(subscriber.data == (0..<20).map { "\($0)\(text)" })
    }
}
