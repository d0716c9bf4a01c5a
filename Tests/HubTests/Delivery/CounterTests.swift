// What the counters count.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct CounterTests {
    private func value(_ world: World, _ counter: Counter) -> Int {
        Int(world.shared.counters.total(counter))
    }

    @Test func `a delivery is counted once for each who gets the message, and not for its sender`()
    {
        let world = World(loops: 2)
        let sender = world.connect()
        sender.send(upgrade("/channels/a?echo=0"))
        let others = [
            Subscriber(world, .raw, ["a"], loop: 0), Subscriber(world, .lines, ["a"], loop: 1),
            Subscriber(world, .raw, ["b"], loop: 0),
        ]
        sender.send(frame("one") + frame("two"))
        #expect(value(world, .delivered) == 4)
        world.publish("a", "three")
        #expect(value(world, .delivered) == 7)
        for other in others { other.collect() }
        #expect(others.map(\.data.count) == [3, 3, 0])
    }

    @Test func `every byte received is counted, turn by turn`() {
        let world = World()
        let client = world.connect()
        let text = request("/nowhere")
        client.feed(text)
        #expect(value(world, .bytesIn) == 0)
        client.feed(text)
        world.settle()
        #expect(value(world, .bytesIn) == 2 * text.utf8.count)
        client.send("GET")
        #expect(value(world, .bytesIn) == 2 * text.utf8.count + 3)
    }

    @Test func `each request, command and line refused is counted once`() {
        let world = World()
        let client = world.connect()
        client.send(post("/channels/a", "fine"))
        #expect(value(world, .refused) == 0)
        client.send(request("/nowhere") + post("/publish", "{}\n[]\n"))
        #expect(value(world, .refused) == 3)
        client.send("nonsense\r\n\r\n")
        #expect(value(world, .refused) == 4)
        let socket = world.connect()
        socket.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        socket.send(frame(#"{"op":"ping"}"#) + frame(#"{"op":"dance"}"#))
        #expect(value(world, .refused) == 5)
    }

    @Test(arguments: Way.allCases)
    func `a publish that its rate refuses is counted once, by each way`(_ way: Way) {
        let world = World { $0.limits.publishesPerSecondMax = 1 }
        let publisher = TestPublisher(world, way)
        #expect(publisher.ask("a")?.id != nil)
        #expect(value(world, .refused) == 0)
        #expect(["rate", "429"].contains(publisher.ask("a")?.refusal))
        #expect(value(world, .refused) == 1)
        #expect(value(world, .refusedRate) == 1)
    }
}
