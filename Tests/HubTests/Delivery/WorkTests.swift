// How much of one turn a client may have: input taken, output made.

import Bytes
import Deflate
@testable import Hub
import Ring
import Testing
import Wire

@Suite struct WorkTests {
    private func open(_ world: World, _ target: String = "/connect", v1: Bool = true) -> Client {
        let client = world.connect()
        client.send(upgrade(target, v1 ? ["Sec-WebSocket-Protocol: carillon.v1"] : []))
        #expect(client.answer()?.status == 101)
        return client
    }

    private func takesInput(_ client: Client) -> Bool {
        !client.world.loops[client.loop].shard.connections[client.peer.slot].readingPaused
    }

    private func directBytes(_ world: World) -> Int {
        world.loops[0].shard.output.logs[Int(Encoding.direct.index)]?.count ?? 0
    }

    // MARK: - Input

    @Test(arguments: [(8, 8), (9, 8)])
    func `so many messages of one read are taken at once, the rest in later turns, in order`(
        _ sent: Int, _ taken: Int
    ) {
        let world = World { $0.limits.framesPerTurnMax = 8 }
        let subscriber = Subscriber(world, .lines, ["a"])
        let client = open(world, "/channels/a?echo=0", v1: false)
        client.feed((0..<sent).flatMap { frame("\($0)") })
        #expect(world.shared.ring.published == UInt64(taken))
        #expect(takesInput(client) == (sent == taken))
        world.settle()
        #expect(takesInput(client))
        subscriber.collect()
        #expect(subscriber.data == (0..<sent).map { "\($0)" })
        world.checkInvariants()
    }

    @Test func `so many bytes of messages are taken at once, compressed ones as they come out`() {
        let world = World { $0.limits.frameBytesPerTurnMax = 10_000 }
        let client = world.connect()
        client.send(
            upgrade("/channels/a?echo=0", ["Sec-WebSocket-Extensions: permessage-deflate"]))
        #expect(client.answer()?.status == 101)
        let compressed = ByteBuffer()
        let plain = [UInt8](repeating: 0x61, count: 5_000)
        Deflater(windowBits: 15).compressMessage(plain.span, to: compressed)
        var one = frame(.text, compressed.array())
        one[0] |= 0x40
        client.feed(one + one + one)
        #expect(world.shared.ring.published == 2)
        world.settle()
        #expect(world.shared.ring.published == 3)
    }

    @Test(arguments: [true, false])
    func `what waits of a client that has ended its half is still published`(_ closes: Bool) {
        let world = World { $0.limits.framesPerTurnMax = 2 }
        let subscriber = Subscriber(world, .lines, ["a"])
        let client = open(world, "/channels/a?echo=0", v1: false)
        client.feed((0..<9).flatMap { frame("\($0)") } + (closes ? closeFrame(1000) : []))
        // Under TLS the end may come in the same read.
        world.input(0) { $0.ended(client.peer, failed: false) }
        world.settle()
        subscriber.collect()
        #expect(subscriber.data.count == 9)
        #expect(client.isEnded || client.isClosed)
        world.advance(3_000)
        #expect(client.isClosed)
        world.checkInvariants()
    }

    @Test func `commands wait while much of the past is on its way, and are all answered`() {
        let world = World { $0.limits.catchUpMessagesMax = 150 }
        for number in 0..<100 {
            world.publish("a", "\(number)" + String(repeating: "x", count: 1_000))
        }
        let client = open(world)
        let again =
            frame(#"{"op":"subscribe","channel":"a","after":"first","ref":1}"#)
            + frame(#"{"op":"unsubscribe","channel":"a","ref":2}"#)
        client.feed((0..<40).flatMap { _ in again })
        for _ in 0..<500 {
            world.turn(0)
            let lag = world.loops[0].shard.connections[client.peer.slot].lag
            #expect(lag?.count ?? 0 <= 250, "the past is held \(lag?.count ?? 0) messages deep")
        }
        world.settle()
        let answers = client.texts().map { object(Array($0.utf8)) }.filter { $0["ok"] != nil }
        #expect(answers.count == 80)
        #expect(takesInput(client))
        world.checkInvariants()
    }

    @Test func `commands of a client that takes nothing wait`() {
        let world = World()
        let client = open(world)
        client.block()
        client.send(frame(#"{"op":"ping","ref":0}"#))
        #expect(client.isBlocked)
        // The rim may have read this before it was told to stop.
        let pings = (1...9).flatMap { frame("{\"op\":\"ping\",\"ref\":\($0)}") }
        world.input(0) { $0.received(client.peer, pings.span) }
        world.settle()
        #expect(client.kept.count < 20)
        client.unblock()
        world.settle()
        #expect(client.texts() == (0...9).map { "{\"ok\":\($0)}" })
        world.checkInvariants()
    }

    @Test(arguments: [(10, 200), (11, 413)])
    func `a batch of the limit's lines is taken, one more is not, and nothing of it published`(
        _ lines: Int, _ status: Int
    ) {
        let world = World { $0.limits.batchLinesMax = 10 }
        let client = world.connect()
        client.send(
            post(
                "/publish", String(repeating: "{\"channel\":\"a\",\"data\":1}\n", count: lines)))
        let answer = client.answer(to: .post)
        #expect(answer?.status == status)
        #expect(world.shared.ring.published == (status == 200 ? 10 : 0))
        guard status != 200 else { return }
        #expect(answer?.json["limit"] as? Int == 10)
        #expect(answer?.json["value"] as? Int == 11)
    }

    // MARK: - Output

    @Test func `a poll ends with the message that passes its limit, and its tag goes on there`() {
        let world = World { $0.limits.pollBytesMax = 2_000 }
        var ids: [String] = []
        for number in 0..<9 {
            ids.append(
                world.publish(
                    number % 2 == 0 ? "a" : "b", "\(number)" + String(repeating: "x", count: 700)))
        }
        var tag = ""
        var seen: [String] = []
        var sizes: [Int] = []
        while seen.count < 9, sizes.count < 9 {
            let client = world.connect()
            let start = tag.isEmpty ? "&after=first" : ""
            let fields = tag.isEmpty ? [] : ["If-None-Match: \"\(tag)\""]
            client.send(request("/channels?name=a&name=b\(start)", fields: fields))
            guard let answer = client.answer() else { break }
            seen += answer.messages.map(\.id)
            sizes.append(answer.messages.count)
            tag = answer.tag ?? ""
        }
        #expect(seen == ids)
        #expect(sizes == [3, 3, 3])
        world.checkInvariants()
    }

    @Test func `who catches up waits for the next turn when this one has made enough`() {
        let world = World { $0.limits.catchUpBytesOfAllPerTurnMax = 5_000 }
        for number in 0..<10 {
            world.publish("a", "\(number)" + String(repeating: "x", count: 500))
        }
        let clients = (0..<20).map { _ in world.connect() }
        for client in clients {
            client.feed(
                request("/channels/a?after=first", fields: ["Accept: application/x-ndjson"]))
        }
        // One head each, and of the past one connection's share beyond the limit.
        #expect(directBytes(world) < 5_000 + 7_000 + 20 * 400)
        world.settle()
        for client in clients {
            #expect(client.answer()?.status == 200)
            #expect(client.lines().count == 10)
        }
        world.checkInvariants()
    }

    @Test func `polls for the past too wait for the next turn`() {
        let world = World { $0.limits.catchUpBytesOfAllPerTurnMax = 5_000 }
        for number in 0..<10 {
            world.publish("a", "\(number)" + String(repeating: "x", count: 500))
        }
        let clients = (0..<20).map { _ in world.connect() }
        for client in clients { client.feed(request("/channels/a?after=first")) }
        #expect(directBytes(world) < 5_000 + 7_000)
        world.settle()
        for client in clients { #expect(client.answer()?.messages.count == 10) }
        world.checkInvariants()
    }

    @Test func `history over what a turn may make is refused with 503, and given a turn later`() {
        let world = World { $0.limits.historyBytesPerTurnMax = 3_000 }
        for number in 0..<4 {
            world.publish("a", "\(number)" + String(repeating: "x", count: 500))
        }
        let clients = (0..<4).map { _ in world.connect() }
        for client in clients { client.feed(request("/channels/a/messages")) }
        world.settle()
        let answers = clients.map { $0.answer() }
        #expect(answers.map { $0?.status } == [200, 200, 503, 503])
        #expect(answers[2]?.json["limit"] as? Int == 3_000)
        #expect((answers[2]?.json["value"] as? Int ?? 0) > 3_000)
        #expect(answers[2]?.head.first("Retry-After") == "1")
        clients[3].send(request("/channels/a/messages"))
        #expect(clients[3].answer()?.messages.count == 4)
    }

    // MARK: - Commands

    @Test(arguments: [(1_024, true), (1_025, false)])
    func `a ref of the limit comes back, a longer one is refused`(_ count: Int, _ isFine: Bool) {
        let world = World()
        let client = open(world)
        let reference = "\"\(String(repeating: "r", count: count - 2))\""
        client.send(frame("{\"op\":\"ping\",\"ref\":\(reference)}"))
        let answer = object(Array((client.texts().first ?? "").utf8))
        #expect((answer["ok"] != nil) == isFine)
        guard !isFine else { return }
        let error = answer["error"] as? [String: Any]
        #expect(error?["code"] as? String == "too-large")
        #expect(error?["limit"] as? Int == 1_024)
        #expect(error?["value"] as? Int == 1_025)
    }

    @Test func `as many history commands as the limit may wait, one more is told busy`() {
        let world = World(loops: 2) { $0.limits.recallCommandsMax = 3 }
        let channel = world.channel(at: 1)
        let client = open(world)
        let ask: (Int) -> [UInt8] = {
            frame("{\"op\":\"history\",\"channel\":\"\(channel)\",\"ref\":\($0)}")
        }
        client.send((1...4).flatMap(ask))
        let answers = client.texts().map { object(Array($0.utf8)) }
        let error = answers.first?["error"] as? [String: Any]
        #expect(error?["code"] as? String == "busy")
        #expect(error?["limit"] as? Int == 3)
        #expect(answers.first?["ref"] as? Int == 4)
        #expect(answers.dropFirst().map { $0["ok"] as? Int } == [1, 2, 3])
        client.send((5...7).flatMap(ask))
        #expect(client.texts().count == 3)
    }
}
