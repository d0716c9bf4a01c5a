// carillon.v1: commands and their answers.

@testable import Hub
import Testing
import Wire

@Suite struct CommandTests {
    private func open(_ world: World, _ target: String = "/connect", loop: Int = 0) -> Client {
        let client = world.connect(loop: loop)
        client.send(upgrade(target, ["Sec-WebSocket-Protocol: carillon.v1"]))
        let status = client.answer()?.status
        #expect(status == 101)
        return client
    }

    private func objects(_ client: Client) -> [[String: Any]] {
        client.texts().map { object(Array($0.utf8)) }
    }

    @Test func `commands are answered with their ref, in order`() {
        let world = World()
        let client = open(world)
        client.send(
            frame(#"{"op":"subscribe","channel":"a","ref":1}"#)
                + frame(#"{"op":"publish","channel":"a","data":"x","ref":"two"}"#)
                + frame(#"{"op":"ping","ref":3}"#)
                + frame(#"{"op":"unsubscribe","channel":"a","ref":4}"#)
                + frame(#"{"op":"ping"}"#))
        let texts = client.texts()
        #expect(texts.filter { $0.hasPrefix(#"{"ok":1,"channel":"a","id":""#) }.count == 1)
        #expect(texts.filter { $0.hasPrefix(#"{"ok":"two","id":""#) }.count == 1)
        #expect(texts.contains(#"{"ok":3}"#))
        #expect(texts.contains(#"{"ok":4}"#))
        #expect(texts.contains(#"{"ok":null}"#))
    }

    static let errors: [(String, String)] = [
        ("x", "not-json"), ("[]", "not-json"), ("{}", "missing"), (#"{"op":1}"#, "missing"),
        (#"{"op":"dance","ref":9}"#, "unknown-operation"),
        (#"{"op":"subscribe"}"#, "missing"),
        (#"{"op":"subscribe","channel":""}"#, "bad-channel"),
        (#"{"op":"subscribe","channel":"a\u0001"}"#, "bad-channel"),
        (#"{"op":"unsubscribe","channel":"a"}"#, "not-subscribed"),
        (#"{"op":"publish","channel":"a"}"#, "missing"),
        (#"{"op":"publish","channel":"a","data":"x","event":""}"#, "bad-event"),
        (#"{"op":"publish","channel":"a","data":{"base64":"!"}}"#, "bad-data"),
    ]

    @Test(arguments: errors)
    func `what is wrong with a command is said, and the connection goes on`(
        _ command: String, _ code: String
    ) {
        let world = World()
        let client = open(world)
        client.send(frame(command))
        let answer = objects(client).first
        #expect((answer?["error"] as? [String: Any])?["code"] as? String == code)
        #expect((answer?["error"] as? [String: Any])?["message"] as? String != nil)
        if code == "unknown-operation" { #expect(answer?["ref"] as? Int == 9) }
        client.send(frame(#"{"op":"ping","ref":1}"#))
        #expect(objects(client).first?["ok"] as? Int == 1)
    }

    @Test func `rights hold for commands as for requests`() {
        let world = World { $0.access.anonymousPublish = false }
        let client = open(world)
        client.send(frame(#"{"op":"publish","channel":"a","data":"x"}"#))
        let error = objects(client).first?["error"] as? [String: Any]
        #expect(error?["code"] as? String == "not-allowed")
    }

    @Test(arguments: 0..<2)
    func `many channels on one connection, each from its own place`(_ loop: Int) {
        let world = World(loops: 2)
        let client = open(world, loop: loop)
        let channels = (0..<20).map { "c\($0)" }
        for channel in channels {
            let first = world.publish(channel, "old")
            world.publish(channel, "past")
            client.feed(frame(#"{"op":"subscribe","channel":"\#(channel)","after":"\#(first)"}"#))
        }
        world.settle()
        for channel in channels { world.publish(channel, "live") }
        let seen = objects(client).map { Seen($0) }
        for channel in channels {
            #expect(seen.filter { $0.channel == channel }.map(\.data) == ["past", "live"])
        }
        world.checkInvariants()
    }

    @Test func `after an unsubscription nothing more comes, and the others stay`() {
        let world = World()
        let client = open(world)
        for channel in ["a", "b", "c"] {
            client.send(frame(#"{"op":"subscribe","channel":"\#(channel)"}"#))
        }
        client.send(frame(#"{"op":"unsubscribe","channel":"a"}"#))
        for channel in ["a", "b", "c"] { world.publish(channel, "m") }
        #expect(objects(client).map { Seen($0).channel } == ["b", "c"])
        world.checkInvariants()
    }

    @Test(arguments: [(2, true), (3, false)])
    func `as many channels as the limit may be followed, one more may not`(
        _ count: Int, _ accepted: Bool
    ) {
        let world = World { $0.limits.channelsPerConnectionMax = 2 }
        let client = open(world)
        for number in 0..<count {
            client.send(frame(#"{"op":"subscribe","channel":"\#(number)","ref":\#(number)}"#))
        }
        let last = objects(client).last
        #expect((last?["ok"] != nil) == accepted)
        if !accepted {
            #expect((last?["error"] as? [String: Any])?["code"] as? String == "too-many-channels")
        }
    }

    @Test func `data comes back as what it was: text, JSON, bytes`() {
        let world = World()
        let client = open(world, "/channels/a")
        for data in [#""text\n""#, #"{"n":[1,2]}"#, "17", "null", #"{"base64":"AAE="}"#] {
            client.send(frame(#"{"op":"publish","channel":"a","data":\#(data)}"#))
            let text = client.texts().first ?? ""
            #expect(text.contains(#""data":\#(data)"#), "\(text)")
        }
    }

    @Test(arguments: 0..<2)
    func `history comes with its ref, from an id on, up to a limit`(_ home: Int) {
        let world = World(loops: 2) { $0.namespaces.fallback.historyMessagesMax = 3 }
        let channel = world.channel(at: home)
        let client = open(world)
        func history(_ rest: String) -> [String: Any] {
            client.send(frame(#"{"op":"history","channel":"\#(channel)","ref":7\#(rest)}"#))
            return objects(client).first ?? [:]
        }
        func data(_ answer: [String: Any]) -> [String] {
            (answer["messages"] as? [[String: Any]] ?? []).map { Seen($0).data }
        }
        var ids: [String] = []
        for number in 0..<5 { ids.append(world.publish(channel, "m\(number)")) }
        let all = history("")
        #expect(all["ok"] as? Int == 7 && all["channel"] as? String == channel)
        #expect(data(all) == ["m2", "m3", "m4"])
        #expect(data(history(#","limit":2"#)) == ["m2", "m3"])
        #expect(data(history(#","after":"\#(ids[2])""#)) == ["m3", "m4"])
        #expect(history(#","after":"\#(ids[1])""#)["gap"] == nil)
        #expect(history(#","after":"\#(ids[0])""#)["gap"] as? Bool == true)
    }

    @Test(arguments: 0..<2)
    func `a flood of history commands is answered up to a bound, then refused`(_ home: Int) {
        let world = World(loops: 2) { $0.limits.historyBytesPerTurnMax = 20_000 }
        let channel = world.channel(at: home)
        world.publish(channel, String(repeating: "x", count: 5_000))
        let client = open(world)
        let before = client.output.count
        let command = frame(#"{"op":"history","channel":"\#(channel)"}"#)
        client.send((0..<1_000).flatMap { _ in command })
        #expect(client.output.count - before < 200_000)
        let answers = objects(client)
        #expect(answers.count == 1_000)
        #expect(answers.filter { $0["ok"] != nil }.count == 4)
        client.send(command)
        #expect(objects(client).first?["messages"] != nil)
    }

    @Test func `a client that takes nothing is not read, so that its answers do not pile up`() {
        let world = World()
        let client = open(world, "/channels/a")
        client.block()
        world.publish("a", "m")
        #expect(client.isBlocked && client.isPaused)
        for number in 0..<1_000 { client.send(frame(#"{"op":"ping","ref":\#(number)}"#)) }
        #expect(client.kept.count < 1_000)
        client.unblock()
        world.settle()
        let answers = objects(client)
        #expect(answers.compactMap { $0["ok"] as? Int } == Array(0..<1_000))
        #expect(!client.isPaused)
    }

    @Test func `an unsubscription while the past is on its way leaves the others whole`() {
        let world = World(loops: 2)
        let far = world.channel(at: 1)
        let near = world.channel(at: 0)
        let first = world.publish(near, "m0")
        world.publish(far, "m1")
        world.publish(near, "m2")
        let client = open(world, loop: 0)
        client.feed(frame(#"{"op":"subscribe","channel":"\#(far)","after":"\#(first)"}"#))
        client.feed(frame(#"{"op":"subscribe","channel":"\#(near)","after":"\#(first)"}"#))
        client.feed(frame(#"{"op":"unsubscribe","channel":"\#(far)"}"#))
        world.settle()
        world.publish(near, "m3")
        #expect(objects(client).map { Seen($0).data } == ["m2", "m3"])
        world.checkInvariants()
    }
}
