// Event streams and lines: heads, heartbeats, ends.

@testable import Hub
import Testing
import Wire

@Suite struct StreamTests {
    @Test func `an event stream says how long to wait, where it is, and not to be buffered`() throws
    {
        let world = World()
        let id = world.publish("c", "before")
        let client = world.connect()
        client.send(request("/channels/c", fields: ["Accept: text/event-stream"]))
        let answer = try #require(client.answer())
        #expect(answer.head.first("Content-Type") == "text/event-stream")
        #expect(answer.head.first("Cache-Control") == "no-cache, no-transform")
        #expect(answer.head.first("X-Accel-Buffering") == "no")
        let rest = String(decoding: client.output[client.cursor...], as: UTF8.self)
        #expect(rest == "retry: 2000\n\nid: \(id)\n\n" || rest == "retry: 2000\nid: \(id)\n\n")
    }

    @Test(arguments: [Transport.events, .lines])
    func `a stream beats every 20 to 25 seconds`(_ transport: Transport) {
        let world = World()
        let subscriber = Subscriber(world, transport, ["c"])
        for _ in 0..<4 {
            let before = subscriber.client.output.count
            world.advance(19_900)
            #expect(subscriber.client.output.count == before)
            world.advance(5_300)
            let beat = String(decoding: subscriber.client.output[before...], as: UTF8.self)
            #expect(beat == (transport == .lines ? "\n" : ":\n\n"))
        }
        world.publish("c", "m")
        subscriber.collect()
        #expect(subscriber.data == ["m"])
    }

    @Test(arguments: [Transport.events, .lines])
    func `a stream ends when its client does`(_ transport: Transport) {
        let world = World()
        let subscriber = Subscriber(world, transport, ["c"])
        subscriber.client.send("whatever")
        #expect(!subscriber.client.isClosed)
        subscriber.client.endInput()
        world.settle()
        #expect(subscriber.client.isClosed)
        world.checkInvariants()
    }

    @Test func `binary data travels as base64 and JSON on one line`() {
        let world = World()
        let all = [Transport.v1, .events, .lines, .poll].map { Subscriber(world, $0, ["c"]) }
        let client = world.connect()
        client.send(post("/channels/c", "\u{1}\u{2}", ["Content-Type: application/octet-stream"]))
        for subscriber in all {
            subscriber.collect()
            #expect(subscriber.data.count == 1)
            let text = subscriber.client.text
            #expect(text.contains(#"{"base64":"AQI="}"#), "\(subscriber.transport)")
        }
    }
}
