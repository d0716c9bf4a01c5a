// Who comes and goes, as the others are told.

@testable import Hub
import Testing
import Wire

@Suite struct PresenceTests {
    private static let telling: [Transport] = [.v1, .events, .lines]

    @Test(arguments: telling, 0..<3)
    func `a follower is told who is there, who comes and who leaves`(
        _ transport: Transport, _ home: Int
    ) {
        let world = World(present: 3)
        let channel = world.channel(at: home)
        let ada = Subscriber(world, .lines, [channel], loop: 0, user: "ada")
        let follower = Subscriber(world, transport, [channel], loop: 1)
        #expect(follower.notices() == [.list(channel, ["ada": 1], anonymous: 1)])
        let bob = Subscriber(world, .raw, [channel], loop: 2, user: "bob")
        #expect(follower.notices(after: 1) == [.join(channel, "bob")])
        ada.leave()
        world.advance(100)
        bob.leave()
        world.advance(10_100)
        #expect(
            follower.notices(after: 2) == [.leave(channel, "ada"), .leave(channel, "bob")])
        #expect(follower.seen.isEmpty && follower.gaps.isEmpty)
    }

    @Test(arguments: Transport.allCases)
    func `whoever comes finds itself in its list, and is not told of itself again`(
        _ transport: Transport
    ) {
        for home in 0..<2 {
            let world = World(present: 2)
            let channel = world.channel(at: home)
            let one = Subscriber(world, transport, [channel], loop: 0, user: "ada")
            switch transport {
            case .v1, .events, .lines:
                #expect(one.notices() == [.list(channel, ["ada": 1], anonymous: 0)])
            // It has no list, and it waits when the notice comes.
            case .poll: #expect(one.notices() == [.join(channel, "ada")])
            case .raw: #expect(one.notices() == [])
            }
            #expect(one.seen.isEmpty)
            world.checkInvariants()
        }
    }

    @Test func `a raw WebSocket gets messages and nothing else`() {
        let world = World(present: 1)
        let raw = Subscriber(world, .raw, ["c"])
        let before = raw.client.output.count
        let ada = Subscriber(world, .lines, ["c"], user: "ada")
        #expect(raw.client.output.count == before)
        raw.client.block()
        world.publish("c", "m0")
        let bob = Subscriber(world, .lines, ["c"], user: "bob")
        world.publish("c", "m1")
        raw.client.unblock()
        world.settle()
        raw.collect()
        #expect(raw.data == ["m0", "m1"])
        #expect(ada.notices(after: 1) == [.join("c", "bob")])
        #expect(bob.notices().count == 1)
    }

    @Test func `a poll that waits is answered with a notice, in the form of carillon.v1`() {
        let world = World(present: 2)
        let poll = Subscriber(world, .poll, ["c"], loop: 1)
        let ada = Subscriber(world, .lines, ["c"], loop: 0, user: "ada")
        #expect(poll.notices() == [.join("c", "ada")])
        poll.pollAgain()
        world.settle()
        world.publish("c", "m")
        ada.leave()
        poll.collect()
        poll.pollAgain()
        world.settle()
        world.advance(10_100)
        #expect(poll.notices(after: 1) == [.leave("c", "ada")])
        #expect(poll.data == ["m"])
    }

    @Test func `notices come between messages, in order, also to one who lags`() {
        let world = World(present: 2)
        let channel = world.channel(at: 1)
        let follower = Subscriber(world, .v1, [channel])
        let slow = Subscriber(world, .lines, [channel])
        slow.client.block()
        world.publish(channel, "m0")
        let ada = Subscriber(world, .lines, [channel], loop: 1, user: "ada")
        world.publish(channel, "m1")
        ada.leave()
        world.advance(10_100)
        world.publish(channel, "m2")
        slow.client.unblock()
        world.settle()
        for one in [follower, slow] {
            #expect(
                one.notices(after: 1) == [.join(channel, "ada"), .leave(channel, "ada")])
            #expect(one.notices.dropFirst().map(\.place) == [1, 2])
            #expect(one.data == ["m0", "m1", "m2"])
        }
    }

    @Test func `a user with several connections comes once and leaves with the last`() {
        let world = World(present: 2, grace: 1_000)
        let follower = Subscriber(world, .lines, ["c"])
        let all = (0..<4).map { Subscriber(world, .raw, ["c"], loop: $0 % 2, user: "ada") }
        #expect(follower.notices(after: 1) == [.join("c", "ada")])
        #expect(world.list("c", loop: 1) == .list("c", ["ada": 4], anonymous: 1))
        for one in all.dropLast() { one.leave() }
        world.advance(15_000)
        #expect(follower.notices(after: 2) == [])
        #expect(world.list("c") == .list("c", ["ada": 1], anonymous: 1))
        all[3].leave()
        world.advance(1_100)
        #expect(follower.notices(after: 2) == [.leave("c", "ada")])
    }

    @Test(arguments: [(9_999, false), (10_000 + TimerWheel.tickMilliseconds, true)], 0..<2)
    func `one who is back within the grace makes no noise, one who is later leaves and joins`(
        _ case: (away: UInt64, leaves: Bool), _ home: Int
    ) {
        let world = World(present: 2)
        let channel = world.channel(at: home)
        let follower = Subscriber(world, .lines, [channel])
        let ada = Subscriber(world, .v1, [channel], loop: 0, user: "ada")
        ada.leave()
        world.advance(`case`.away)
        #expect(
            follower.notices(after: 2) == (`case`.leaves ? [.leave(channel, "ada")] : []))
        ada.resume(loop: 1, after: nil)
        world.advance(11_000)
        #expect(
            follower.notices(after: 2)
                == (`case`.leaves ? [.leave(channel, "ada"), .join(channel, "ada")] : []))
        #expect(world.list(channel) == .list(channel, ["ada": 1], anonymous: 1))
    }

    @Test func `the grace begins anew with each end`() {
        let world = World(present: 1)
        let follower = Subscriber(world, .lines, ["c"])
        let ada = Subscriber(world, .raw, ["c"], user: "ada")
        for _ in 0..<5 {
            ada.leave()
            world.advance(9_000)
            ada.resume(loop: 0, after: nil)
        }
        ada.leave()
        world.advance(9_999)
        #expect(follower.notices(after: 2) == [])
        world.advance(1 + TimerWheel.tickMilliseconds)
        #expect(follower.notices(after: 2) == [.leave("c", "ada")])
    }

    @Test func `no loop sleeps past a leave`() {
        let world = World(present: 2, grace: 700)
        let channel = world.channel(at: 1)
        let ada = Subscriber(world, .raw, [channel], loop: 0, user: "ada")
        ada.leave()
        world.settle()
        let due = world.now.monotonicMilliseconds + 700
        let deadline = world.loops[1].shard.nextDeadline
        #expect(deadline <= due + TimerWheel.tickMilliseconds)
    }

    @Test func `a long-poll counts between its polls, and no longer than the grace`() {
        let world = World(present: 2)
        let follower = Subscriber(world, .lines, ["c"])
        let poll = Subscriber(world, .poll, ["c"], loop: 1, user: "ada")
        // The first is answered with the notice of its own coming.
        poll.pollAgain()
        world.settle()
        for number in 0..<5 {
            world.publish("c", "m\(number)")
            poll.collect()
            #expect(!poll.isPolling)
            #expect(world.list("c") == .list("c", ["ada": 0], anonymous: 1))
            world.advance(9_000)
            poll.pollAgain()
            world.settle()
            #expect(world.list("c") == .list("c", ["ada": 1], anonymous: 1))
        }
        #expect(poll.data == (0..<5).map { "m\($0)" })
        #expect(follower.notices(after: 1) == [.join("c", "ada")])
        world.publish("c", "last")
        world.advance(10_100)
        #expect(follower.notices(after: 2) == [.leave("c", "ada")])
        #expect(world.list("c") == .list("c", [:], anonymous: 1))
    }

    @Test func `connections without a name are counted at the moment, without a notice`() {
        let world = World(present: 2)
        let follower = Subscriber(world, .lines, ["c"])
        let others = Transport.allCases.map { Subscriber(world, $0, ["c"], loop: 1) }
        #expect(world.list("c") == .list("c", [:], anonymous: 6))
        for other in others { other.leave() }
        #expect(world.list("c") == .list("c", [:], anonymous: 1))
        world.advance(15_000)
        #expect(follower.notices(after: 1) == [])
    }

    @Test func `on carillon.v1 each subscription is a coming and each end of it a going`() {
        let world = World(present: 2, grace: 1_000)
        let follower = Subscriber(world, .lines, ["b"])
        let client = world.connect(loop: 1)
        client.send(upgrade("/connect?user=ada", ["Sec-WebSocket-Protocol: carillon.v1"]))
        _ = client.answer()
        client.send(frame(#"{"op":"subscribe","channel":"b","ref":1}"#))
        let answers = client.texts()
        #expect(answers.contains(#"{"presence":{"channel":"b","users":{"ada":1},"anonymous":1}}"#))
        #expect(answers.contains { $0.hasPrefix(#"{"ok":1,"channel":"b","id":"#) })
        #expect(follower.notices(after: 1) == [.join("b", "ada")])
        client.send(frame(#"{"op":"unsubscribe","channel":"b"}"#))
        world.advance(1_100)
        #expect(follower.notices(after: 2) == [.leave("b", "ada")])
        client.send(frame(#"{"op":"subscribe","channel":"b"}"#))
        #expect(follower.notices(after: 3) == [.join("b", "ada")])
    }

    @Test func `one connection that follows several channels is in each of their lists`() {
        let world = World(present: 2)
        let a = world.channel(at: 0, "a")
        let b = world.channel(at: 1, "b")
        for transport in Self.telling {
            let one = Subscriber(world, transport, [a, b], user: "ada")
            let lists = one.notices()
            #expect(lists.count == 2, "\(transport)")
            #expect(lists.contains(.list(a, ["ada": 1], anonymous: 0)), "\(transport)")
            #expect(lists.contains(.list(b, ["ada": 1], anonymous: 0)), "\(transport)")
            one.leave()
            world.advance(10_100)
        }
    }

    @Test func `nothing is left in memory of a channel when everybody has gone`() {
        let world = World(present: 3)
        let all = (0..<30).map {
            Subscriber(
                world, Transport.allCases[$0 % 5], ["c\($0 % 7)"], loop: $0 % 3,
                user: $0 % 4 == 0 ? nil : "user\($0)")
        }
        #expect(world.kept[0] == 7 && world.kept[1] == 22 && world.kept[2] > 22 * 192)
        for one in all { one.leave() }
        world.advance(9_999)
        #expect(world.kept[1] == 22)
        world.advance(1 + TimerWheel.tickMilliseconds)
        #expect(world.kept == [0, 0, 0])
        #expect(world.loops.reduce(0) { $0 + $1.shard.channels.count } == 0)
        #expect(world.loops.allSatisfy { $0.shard.untold.isEmpty && $0.shard.unasked.isEmpty })
        world.checkInvariants()
    }

    @Test func `namespaces without presence keep nothing and tell nothing`() {
        let world = World(loops: 2) {
            var room = Namespace(name: Array("room".utf8))
            room.presence = true
            $0.namespaces.add(room)
        }
        let ada = Subscriber(world, .lines, ["c"], user: "ada")
        let there = Subscriber(world, .lines, ["room:1"], user: "ada")
        let other = Subscriber(world, .v1, ["c"], user: "bob")
        #expect(ada.notices() == [] && other.notices() == [])
        #expect(there.notices() == [.list("room:1", ["ada": 1], anonymous: 0)])
        #expect(world.kept[0] == 1)
    }
}
