// One connection does not get a message, by the name it was told.

@testable import Hub
import Testing

@Suite struct ExcludeTests {
    /// The name of a subscriber's connection, as its transport tells it.
    private func name(_ subscriber: Subscriber) -> String? {
        if subscriber.transport == .v1 {
            subscriber.client.send(frame(#"{"op":"connection","ref":"r"}"#))
            for text in subscriber.client.texts() {
                let answer = object(Array(text.utf8))
                if answer["ok"] as? String == "r" { return answer["connection"] as? String }
            }
            return nil
        }
        return headName(subscriber)
    }

    private func headName(_ subscriber: Subscriber) -> String? {
        let prefix = "Carillon-Connection: "
        return subscriber.client.text.split(separator: "\r\n").first { $0.hasPrefix(prefix) }
            .map { String($0.dropFirst(prefix.count)) }
    }

    @Test(arguments: [Transport.raw, .v1, .events, .lines])
    func `the connection excluded does not get the message, the others do`(_ transport: Transport) {
        for way in Way.allCases {
            for loop in 0..<2 {
                let world = World(loops: 2)
                let excluded = Subscriber(world, transport, ["c"], loop: loop)
                let other = Subscriber(world, transport, ["c"], loop: loop)
                let name = name(excluded)
                #expect(name?.count == 32 && name == headName(excluded))
                let publisher = TestPublisher(world, way, loop: 0)
                #expect(publisher.ask("c", Ask(data: "1", exclude: name))?.id != nil)
                #expect(publisher.ask("c", Ask(data: "2"))?.id != nil)
                world.settle()
                excluded.collect()
                other.collect()
                #expect(excluded.data == ["2"])
                #expect(other.data == ["1", "2"])
            }
        }
    }

    @Test func `the excluded connection's own recall does not bring the message either`() {
        let world = World(loops: 2)
        let excluded = Subscriber(world, .v1, ["d"], loop: 1)
        let name = name(excluded)
        let publisher = TestPublisher(world, .fields)
        _ = publisher.ask("c", Ask(data: "1", exclude: name))
        _ = publisher.ask("c", Ask(data: "2"))
        world.settle()
        excluded.client.send(frame(#"{"op":"subscribe","channel":"c","after":"first"}"#))
        excluded.collect()
        #expect(excluded.data == ["2"])
    }

    @Test func `the name of a connection that is gone excludes nobody`() {
        let world = World()
        let gone = Subscriber(world, .lines, ["c"])
        let name = name(gone)
        gone.client.cut()
        world.settle()
        let successor = Subscriber(world, .lines, ["c"])
        #expect(successor.client.peer.slot == gone.client.peer.slot)
        #expect(TestPublisher(world, .fields).ask("c", Ask(exclude: name))?.id != nil)
        world.settle()
        successor.collect()
        #expect(successor.data == ["m"])
    }

    @Test func `a name that was never given excludes nobody`() {
        let world = World()
        let all = [Transport.raw, .v1, .events].map { Subscriber(world, $0, ["c"]) }
        let name = "00000000000000010000000000000001"
        #expect(TestPublisher(world, .fields).ask("c", Ask(exclude: name))?.id != nil)
        world.settle()
        for subscriber in all {
            subscriber.collect()
            #expect(subscriber.data == ["m"])
        }
    }

    @Test func `exclude takes the place of echo=0`() {
        let world = World()
        let other = Subscriber(world, .lines, ["c"])
        let client = world.connect()
        client.send(upgrade("/channels/c?echo=0", ["Sec-WebSocket-Protocol: carillon.v1"]))
        _ = client.answer()
        client.send(
            frame(#"{"op":"publish","channel":"c","data":"m","exclude":"\#(name(other)!)"}"#))
        other.collect()
        #expect(other.data == [])
        #expect(client.texts().count == 1)
    }
}
