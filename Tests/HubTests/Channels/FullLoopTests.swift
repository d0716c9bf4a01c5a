// A loop that knows as many channels, or has as many subscriptions, as it may.

@testable import Hub
import Testing
import Wire

@Suite struct FullLoopTests {
    enum Bound: CaseIterable {
        case channels, subscriptions
    }

    private func world(_ bound: Bound) -> World {
        World {
            switch bound {
            case .channels: $0.limits.channelsPerLoopMax = 3
            case .subscriptions: $0.limits.subscriptionsPerLoopMax = 3
            }
        }
    }

    private func detail(_ bound: Bound) -> String {
        switch bound {
        case .channels: "this would be channel 4 of this loop; at most 3 are allowed"
        case .subscriptions: "this would be subscription 4 of this loop; at most 3 are allowed"
        }
    }

    @Test(arguments: Bound.allCases)
    func `a poll that fills the loop waits, one more is told 503`(_ bound: Bound) {
        let world = world(bound)
        let first = world.connect()
        first.send(request("/channels?name=a&name=b&name=c"))
        #expect(first.answer() == nil)
        let second = world.connect()
        second.send(request("/channels/d"))
        let answer = second.answer()
        #expect(answer?.status == 503)
        #expect(answer?.json["detail"] as? String == detail(bound))
        #expect(answer?.json["limit"] as? Int == 3)
        #expect(answer?.json["value"] as? Int == 4)
        #expect(answer?.head.first("Retry-After") == "5")
        first.cut()
        world.settle()
        second.send(request("/channels/d?timeout=0"))
        world.advance(200)
        #expect(second.answer()?.status == 204)
        world.checkInvariants()
    }

    @Test(arguments: Bound.allCases)
    func `a WebSocket too many is closed with 1013 and the limit`(_ bound: Bound) {
        let world = world(bound)
        _ = Subscriber(world, .lines, ["a", "b", "c"])
        let client = world.connect()
        client.send(upgrade("/channels/d"))
        #expect(client.answer()?.status == 101)
        #expect(client.events() == [.close(code: 1013, reason: Array(detail(bound).utf8))])
        world.checkInvariants()
    }

    @Test(arguments: Bound.allCases)
    func `a command too many is told so with the limit`(_ bound: Bound) {
        let world = world(bound)
        let client = world.connect()
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        client.send(
            (1...4).flatMap {
                frame("{\"op\":\"subscribe\",\"channel\":\"c\($0)\",\"ref\":\($0)}")
            })
        let answers = client.texts().map { object(Array($0.utf8)) }
        #expect(answers.prefix(3).map { $0["ok"] as? Int } == [1, 2, 3])
        let error = answers.last?["error"] as? [String: Any]
        #expect(error?["code"] as? String == "too-many-channels")
        #expect(error?["message"] as? String == detail(bound))
        #expect(error?["limit"] as? Int == 3)
        #expect(error?["value"] as? Int == 4)
        world.checkInvariants()
    }

    @Test(arguments: [256, 257])
    func `a connection follows as many channels as it may by command, one more is refused`(
        _ count: Int
    ) {
        let world = World()
        let client = world.connect()
        client.send(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        #expect(client.answer()?.status == 101)
        client.send((1...count).flatMap { frame("{\"op\":\"subscribe\",\"channel\":\"c\($0)\"}") })
        let error = client.texts().first.map { object(Array($0.utf8)) }?["error"] as? [String: Any]
        #expect((error == nil) == (count == 256))
        guard count == 257 else { return }
        #expect(error?["limit"] as? Int == 256)
        #expect(error?["value"] as? Int == 257)
    }

    /// Whatever is refused for its size says how much is allowed and how much it was.
    @Test(arguments: [
        (request("/channels/\(String(repeating: "n", count: 256))"), 255, 256),
        (post("/channels/a?event=\(String(repeating: "e", count: 129))", "x"), 128, 129),
        (post("/channels/a", String(repeating: "x", count: 101)), 100, 101),
        (request("/channels/a?timeout=301"), 300, 301),
        (request("/channels?" + (0..<257).map { "name=\($0)" }.joined(separator: "&")), 256, 257),
    ])
    func `a refusal by a limit names the limit and the value`(
        _ input: String, _ limit: Int, _ value: Int
    ) {
        let world = World { $0.limits.messageBytesMax = 100 }
        let client = world.connect()
        client.send(input)
        let answer = client.answer(to: .post)
        #expect(answer?.json["limit"] as? Int == limit)
        #expect(answer?.json["value"] as? Int == value)
    }
}
