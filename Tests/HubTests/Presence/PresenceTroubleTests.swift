// Presence where something is full, late, or lost on the way.

@testable import Hub
import Ring
import Testing
import Wire

@Suite struct PresenceTroubleTests {
    @Test func `a coming that finds the home's mailbox full is told when there is room`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        let follower = Subscriber(world, .lines, [channel], loop: 1)
        world.fillMailbox(of: 1)
        let ada = Subscriber(world, .v1, [channel], loop: 0, user: "ada", settled: false)
        let bob = Subscriber(world, .raw, [channel], loop: 0, user: "bob", settled: false)
        world.turn(0)
        #expect(!world.loops[0].shard.untold.isEmpty)
        #expect(world.loops[0].shard.nextDeadline <= world.now.monotonicMilliseconds + 10)
        world.turn(1)
        world.advance(10)
        #expect(
            follower.notices(after: 1) == [.join(channel, "ada"), .join(channel, "bob")])
        #expect(ada.notices().first == .list(channel, ["ada": 1, "bob": 1], anonymous: 1))
        #expect(world.loops[0].shard.untold.isEmpty && world.loops[0].shard.unasked.isEmpty)
        world.fillMailbox(of: 1)
        ada.client.cut()
        bob.client.cut()
        world.turn(0)
        world.turn(1)
        world.advance(10)
        world.advance(10_100)
        #expect(
            Set(follower.notices(after: 3)) == [.leave(channel, "ada"), .leave(channel, "bob")])
        #expect(follower.notices.count == 5)
    }

    @Test func `who comes and goes while the mailbox is full has never been there`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        let follower = Subscriber(world, .lines, [channel], loop: 1)
        world.fillMailbox(of: 1)
        for number in 0..<50 {
            let user = Subscriber(
                world, .lines, [channel], loop: 0, user: "u\(number)", settled: false)
            user.client.cut()
        }
        world.turn(0)
        world.turn(0)
        #expect(world.loops[0].shard.untold.isEmpty && world.loops[0].shard.unasked.isEmpty)
        world.advance(11_000)
        #expect(follower.notices(after: 1) == [])
        #expect(world.kept[1] == 0)
    }

    @Test func `who goes as there is room again does not overtake its own coming`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        let follower = Subscriber(world, .lines, [channel], loop: 1)
        world.fillMailbox(of: 1)
        let ada = Subscriber(world, .lines, [channel], loop: 0, user: "ada", settled: false)
        world.turn(0)
        // The home has room now, and loop 0 has not told it yet.
        world.turn(1)
        ada.client.cut()
        world.advance(11_000)
        #expect(follower.notices(after: 1) == [])
        #expect(world.kept[1] == 0)
    }

    @Test func `requests of subscriptions that have ended do not pile up before a full mailbox`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        let client = world.connect(loop: 0)
        client.send(upgrade("/connect?user=ada", ["Sec-WebSocket-Protocol: carillon.v1"]))
        _ = client.answer()
        world.fillMailbox(of: 1)
        for _ in 0..<20 {
            client.feed(frame(#"{"op":"subscribe","channel":"\#(channel)"}"#))
            client.feed(frame(#"{"op":"unsubscribe","channel":"\#(channel)"}"#))
        }
        client.feed(frame(#"{"op":"subscribe","channel":"\#(channel)"}"#))
        world.turn(0)
        #expect(world.loops[0].shard.unasked.count == 1)
        world.turn(1)
        world.advance(10)
        #expect(
            client.texts() == [
                #"{"presence":{"channel":"\#(channel)","users":{"ada":1},"anonymous":0}}"#
            ])
    }

    @Test func `a loop that sleeps is woken for a letter, and for a notice`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        let ada = Subscriber(world, .raw, [channel], loop: 0, user: "ada", settled: false)
        #expect(world.calls(0) == Calls(toTurn: [1]))
        world.turn(0)
        #expect(world.calls(0).isEmpty)
        world.input(1) { $0.work() }
        #expect(world.calls(1) == Calls(toRead: [0]))
        world.settle()
        ada.client.cut()
        #expect(world.calls(0) == Calls(toTurn: [1]))
    }

    @Test func `a subscriber whose request found the mailbox full misses no message meanwhile`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        let first = world.publish(channel, "m0")
        world.fillMailbox(of: 1)
        let now = Subscriber(world, .lines, [channel], loop: 0, user: "ada", settled: false)
        let after = Subscriber(
            world, .events, [channel], loop: 0, after: first, user: "bob", settled: false)
        world.turn(0)
        _ = world.post(channel, "m1", loop: 0)
        world.turn(0)
        now.collect()
        #expect(now.data == [])
        world.turn(1)
        world.advance(10)
        for one in [now, after] {
            one.collect()
            #expect(one.data == ["m1"] && one.gaps.isEmpty)
            #expect(one.notices.map(\.place).allSatisfy { $0 <= 1 })
            #expect(
                one.notices().first == .list(channel, ["ada": 1, "bob": 1], anonymous: 0))
        }
    }

    @Test func `a notice that finds the ring full comes when there is room`() throws {
        let world = World(present: 2, ringSlots: 4)
        let channel = world.channel(at: 0)
        let follower = Subscriber(world, .lines, [channel], loop: 0)
        // Loop 1 has no turn, and so holds the ring back.
        var posted: [String] = []
        while world.post("other", "m", loop: 0) != nil { posted.append("m") }
        #expect(posted.count <= 4)
        let ada = Subscriber(world, .lines, [channel], loop: 0, user: "ada", settled: false)
        world.turn(0)
        world.turn(0)
        #expect(follower.notices(after: 1) == [])
        #expect(ada.notices() == [.list(channel, [:], anonymous: 1)])
        #expect(world.loops[0].shard.rosters.hasUnannounced)
        #expect(world.loops[0].shard.nextDeadline <= world.now.monotonicMilliseconds + 10)
        world.settle()
        world.advance(10)
        #expect(follower.notices(after: 1) == [.join(channel, "ada")])
        #expect(ada.notices(after: 1) == [.join(channel, "ada")])
    }

    @Test func `a crowd is announced whole, some each turn`() {
        let world = World(present: 2) { $0.limits.presenceNoticesPerTurnMax = 3 }
        let channel = world.channel(at: 1)
        let follower = Subscriber(world, .lines, [channel], loop: 0)
        let crowd = (0..<20).map {
            Subscriber(world, .raw, [channel], loop: 0, user: "u\($0)", settled: false)
        }
        world.settle()
        for _ in 0..<10 { world.advance(10) }
        #expect(follower.notices(after: 1) == (0..<20).map { .join(channel, "u\($0)") })
        for one in crowd { one.client.cut() }
        world.settle()
        world.advance(10_100)
        for _ in 0..<10 { world.advance(10) }
        #expect(follower.notices(after: 21).count == 20)
        #expect(world.kept[1] == 0)
    }

    @Test(arguments: [Namespace.SlowPolicy.disconnect, .dropOldest, .latest])
    func `while a slow client's messages are superseded, its notices all wait`(
        _ policy: Namespace.SlowPolicy
    ) {
        let world = World(present: 2) { $0.namespaces.fallback.slowPolicy = policy }
        let slow = [Transport.v1, .events, .lines].map { Subscriber(world, $0, ["c"]) }
        for one in slow { one.client.block() }
        // What fills the sockets is on its way already, and is not in the lag.
        world.publish("c", "first")
        for number in 0..<3 {
            world.publish("c", "m\(number)")
            let user = Subscriber(world, .raw, ["c"], loop: 1, user: "u\(number)")
            world.publish("c", "n\(number)")
            user.leave()
        }
        for one in slow { one.client.unblock() }
        world.settle()
        for one in slow {
            #expect(
                one.notices(after: 1) == (0..<3).map { .join("c", "u\($0)") }, "\(one.transport)")
            let all = ["first"] + (0..<3).flatMap { ["m\($0)", "n\($0)"] }
            #expect(one.data == (policy == .latest ? ["first", "n2"] : all), "\(one.transport)")
        }
    }

    @Test func `notices of a namespace that drops make way for newer ones, and a gap is told`() {
        let world = World(present: 1) {
            $0.namespaces.fallback.slowPolicy = .dropOldest
            $0.limits.backlogBytesMax = 2_000
        }
        let slow = Subscriber(world, .lines, ["c"])
        slow.client.block()
        for number in 0..<30 {
            Subscriber(world, .raw, ["c"], user: "u\(number)").leave()
        }
        slow.client.unblock()
        world.settle()
        #expect(slow.notices().last == .join("c", "u29") && slow.notices.count < 20)
        #expect(slow.gaps.count == 1 && !slow.isOver)
    }

    @Test(arguments: 0..<2)
    func `the newest message and the list come together, and once each`(_ home: Int) {
        let world = World(present: 2) { $0.namespaces.fallback.history = .last }
        let channel = world.channel(at: home)
        world.publish(channel, "m0")
        world.publish(channel, "m1")
        for transport in [Transport.v1, .events, .lines] {
            let one = Subscriber(world, transport, [channel], user: "ada")
            #expect(one.data == ["m1"], "\(transport)")
            #expect(
                one.notices() == [.list(channel, ["ada": 1], anonymous: 0)], "\(transport)")
            one.leave()
            world.advance(10_100)
        }
    }

    @Test func `one who resumes on another loop is told what it missed, and who is there`() {
        let world = World(present: 3)
        let channel = world.channel(at: 2)
        for transport in [Transport.v1, .events, .lines] {
            let ada = Subscriber(world, transport, [channel], loop: 0, user: "ada")
            world.publish(channel, "m0")
            ada.collect()
            let bob = Subscriber(world, .lines, [channel], loop: 1, user: "bob")
            ada.leave()
            world.publish(channel, "m1")
            let notices = ada.notices().count
            ada.resume(loop: 1, after: ada.lastID)
            world.publish(channel, "m2")
            ada.collect()
            #expect(ada.data == ["m0", "m1", "m2"] && ada.gaps.isEmpty, "\(transport)")
            #expect(
                ada.notices(after: notices)
                    == [.list(channel, ["ada": 1, "bob": 1], anonymous: 0)], "\(transport)")
            #expect(ada.notices.last?.place == 2, "\(transport)")
            #expect(bob.notices(after: 1) == [])
            ada.leave()
            bob.leave()
            world.advance(10_100)
        }
    }

    @Test func `notices carry no id, and to resume after a message's is exact`() {
        let world = World(present: 2)
        let follower = Subscriber(world, .events, ["c"])
        let first = world.publish("c", "m0")
        follower.collect()
        let ada = Subscriber(world, .lines, ["c"], user: "ada")
        #expect(follower.notices(after: 1) == [.join("c", "ada")])
        #expect(follower.lastID == first)
        follower.leave()
        world.publish("c", "m1")
        follower.resume(loop: 1, after: follower.lastID)
        #expect(follower.data == ["m0", "m1"] && follower.gaps.isEmpty)
        #expect(!ada.isOver)
    }

    @Test func `notices are not in history, and leave no gap in it`() {
        for messages in [0, 1, 100] {
            let world = World(present: 2) { $0.namespaces.fallback.historyMessagesMax = messages }
            let id = world.publish("c", "m0")
            for number in 0..<5 {
                let user = Subscriber(world, .raw, ["c"], loop: number % 2, user: "u\(number)")
                user.leave()
                world.advance(10_100)
            }
            let again = Subscriber(world, .lines, ["c"], loop: 1, after: id)
            #expect(again.gaps.isEmpty && again.seen.isEmpty, "\(messages)")
            let client = world.connect()
            client.send(request("/channels/c/messages"))
            #expect(client.answer()?.messages.count == min(1, messages))
        }
    }

    @Test func `notices are not counted as messages`() {
        let world = World(present: 1)
        let followers = Transport.allCases.map { Subscriber(world, $0, ["c"]) }
        _ = Subscriber(world, .raw, ["c"], user: "ada")
        for follower in followers {
            follower.collect()
            follower.pollAgain()
        }
        world.settle()
        #expect(world.shared.counters.value(0, .delivered) == 0)
        #expect(world.shared.counters.value(0, .published) == 0)
        world.publish("c", "m")
        #expect(world.shared.counters.value(0, .delivered) == 6)
        #expect(world.shared.counters.value(0, .published) == 1)
    }

    @Test func `a crowd that catches up is told over several turns, and all of it`() {
        let world = World(present: 1) { $0.limits.catchUpBytesOfAllPerTurnMax = 1_000 }
        let crowd = (0..<30).map {
            Subscriber(world, .lines, ["c"], user: "u\($0)", settled: false)
        }
        world.turn(0)
        let atOnce = crowd.filter { !$0.notices().isEmpty }.count
        #expect(atOnce > 0 && atOnce < 30)
        world.settle()
        for one in crowd {
            guard case .list = one.notices().first else {
                Issue.record("no list")
                continue
            }
        }
        world.checkInvariants()
    }

    @Test func `a list keeps its place among the messages, and stands for the notices before it`() {
        let key = HashKey(1, 2)
        let name = ChannelName([0x63], key: key)
        let other = ChannelName([0x64], key: key)
        func logged(_ sequence: UInt64, _ kind: Message.Kind, _ channel: ChannelName) -> Logged {
            Logged(
                sequence: sequence,
                message: Message(channel: channel, kind: kind, payload: [], timeMilliseconds: 0))
        }
        let line = Encoding(.line)
        for (isWhole, hasList, expected) in [
            (true, true, [1, 3, 5, 6, 7, 8]), (true, false, [1, 2, 3, 6, 7, 8]),
            (false, true, [1, 3, 4, 5, 6, 7, 8]), (false, false, [1, 2, 3, 4, 6, 7, 8]),
        ] {
            let lag = Lag()
            for (sequence, kind, channel) in [
                (1, .join, other), (2, .join, name), (3, .text, other), (4, .text, name),
                (6, .leave, name), (7, .text, name), (8, .join, other),
            ] as [(UInt64, Message.Kind, ChannelName)] {
                _ = lag.append(logged(sequence, kind, channel), line)
            }
            lag.merge(
                past: hasList ? [logged(5, .presence, name)] : [], through: 5, after: 0,
                isWhole: isWhole, of: name, line, gap: false)
            var left: [UInt64] = []
            while case .message(let next, _, _, _)? = lag.popFirst() { left.append(next.sequence) }
            #expect(left == expected.map { UInt64($0) })
            #expect(lag.bytes == 0)
        }
    }
}
