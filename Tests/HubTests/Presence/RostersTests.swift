// One loop's rosters, without loops.

@testable import Hub
import Ring
import Testing

/// Rosters with a ring that takes what the test lets it take.
private struct Housed {
    var rosters: Rosters
    var now: UInt64 = 1_000
    /// What the ring took, and the home has not read.
    var inRing: [Message] = []
    var said: [String] = []
    var room = Int.max
    let key = HashKey(1, 2)

    init(_ configure: (inout Limits) -> Void = { _ in }) {
        var limits = Limits()
        configure(&limits)
        rosters = Rosters(limits, nowMilliseconds: now)
    }

    func name(_ text: String) -> ChannelName { ChannelName(Array(text.utf8), key: key) }

    mutating func change(_ user: String?, _ change: Int, _ channel: String = "c") {
        rosters.change(
            name(channel), user.map { Array($0.utf8) }, by: change, graceMilliseconds: 1_000,
            nowMilliseconds: now)
    }

    mutating func announce() {
        var taken: [Message] = []
        var room = room
        rosters.announce { kind, channel, user in
            guard room > 0 else { return nil }
            room -= 1
            taken.append(
                Message(channel: channel, kind: kind, payload: user, timeMilliseconds: 0))
            return UInt64(taken.count)
        }
        self.room = room
        inRing += taken
    }

    mutating func readRing() {
        let all = inRing
        inRing = []
        for notice in all {
            rosters.read(notice)
            said.append("\(notice.kind) \(String(decoding: notice.payload, as: UTF8.self))")
        }
    }

    /// One turn, in which what was published last turn is read.
    mutating func turn(after milliseconds: UInt64 = 0) {
        now += milliseconds
        readRing()
        rosters.beginTurn(nowMilliseconds: now)
        announce()
    }

    mutating func list(_ channel: String = "c") -> Notice? {
        let list = rosters.list(name(channel), 0)
        return Notice(list: object(list.payload))
    }
}

@Suite struct RostersTests {
    @Test func `a list holds what was read from the ring, not what is on its way`() {
        var housed = Housed()
        housed.change("ada", 1)
        housed.change(nil, 2)
        #expect(housed.list() == .list("c", [:], anonymous: 2))
        housed.turn()
        #expect(housed.list() == .list("c", [:], anonymous: 2))
        housed.readRing()
        #expect(housed.list() == .list("c", ["ada": 1], anonymous: 2))
        housed.change("ada", -1)
        housed.turn(after: 1_100)
        #expect(housed.inRing.count == 1)
        #expect(housed.list() == .list("c", ["ada": 0], anonymous: 2))
        housed.turn()
        #expect(housed.list() == .list("c", [:], anonymous: 2))
        #expect(housed.said == ["join ada", "leave ada"])
        #expect(housed.rosters.userCount == 0 && housed.rosters.bytes == 0)
    }

    @Test func `one list serves until something changes`() {
        var housed = Housed()
        housed.change("ada", 1)
        housed.change("eve", 1, "d")
        housed.turn()
        housed.readRing()
        let name = housed.name("c")
        let first = housed.rosters.list(name, 0)
        #expect(housed.rosters.list(name, 0) === first)
        housed.change("ada", 1)
        let second = housed.rosters.list(name, 0)
        #expect(second !== first)
        #expect(housed.rosters.list(housed.name("d"), 0) !== second)
        #expect(housed.list() == .list("c", ["ada": 2], anonymous: 0))
        #expect(housed.rosters.list(housed.name("nobody's"), 0).payload.isEmpty == false)
        #expect(housed.list("nobody's") == .list("nobody's", [:], anonymous: 0))
    }

    @Test func `a full ring is tried again, and what has passed meanwhile is not told`() {
        var housed = Housed()
        housed.room = 0
        for user in ["ada", "bob", "eve"] { housed.change(user, 1) }
        housed.turn()
        #expect(housed.rosters.hasUnannounced && housed.inRing.isEmpty)
        housed.change("bob", -1)
        housed.room = 1
        housed.turn()
        #expect(housed.inRing.count == 1)
        housed.room = .max
        housed.turn()
        housed.turn(after: 2_000)
        housed.turn()
        #expect(housed.said == ["join ada", "join eve"])
        #expect(housed.list() == .list("c", ["ada": 1, "eve": 1], anonymous: 0))
        #expect(!housed.rosters.hasUnannounced && housed.rosters.userCount == 2)
    }

    @Test func `who is back before a full ring takes the leave has not left`() {
        var housed = Housed()
        housed.change("ada", 1)
        housed.turn()
        housed.turn()
        housed.change("ada", -1)
        housed.room = 0
        housed.turn(after: 2_000)
        housed.change("ada", 1)
        housed.room = .max
        housed.turn()
        housed.turn()
        #expect(housed.said == ["join ada"])
        #expect(housed.list() == .list("c", ["ada": 1], anonymous: 0))
    }

    @Test func `who comes while the leave is in the ring joins after it`() {
        var housed = Housed()
        housed.change("ada", 1)
        housed.turn()
        housed.turn()
        housed.change("ada", -1)
        housed.turn(after: 1_100)
        housed.change("ada", 1)
        housed.announce()
        #expect(housed.inRing.count == 1)
        housed.turn()
        housed.turn()
        #expect(housed.said == ["join ada", "leave ada", "join ada"])
    }

    @Test func `who is gone before the join is read leaves after it`() {
        var housed = Housed()
        housed.change("ada", 1)
        housed.announce()
        housed.change("ada", -1)
        housed.now += 1_100
        housed.rosters.beginTurn(nowMilliseconds: housed.now)
        housed.announce()
        #expect(housed.inRing.count == 1)
        housed.turn()
        housed.turn()
        housed.turn()
        #expect(housed.said == ["join ada", "leave ada"])
        #expect(housed.rosters.count == 0 && housed.rosters.userCount == 0)
    }

    @Test(arguments: [(3, 0), (4, 1)])
    func `as many users as a channel may have are named, one more is anonymous`(
        _ users: Int, _ anonymous: Int
    ) {
        var housed = Housed { $0.presenceUsersPerChannelMax = 3 }
        for number in 0..<users { housed.change("u\(number)", 1) }
        housed.change("x", 1, "d")
        housed.turn()
        housed.turn()
        #expect(
            housed.list() == .list("c", ["u0": 1, "u1": 1, "u2": 1], anonymous: anonymous))
        #expect(housed.list("d") == .list("d", ["x": 1], anonymous: 0))
        for number in 0..<users { housed.change("u\(number)", -1) }
        housed.change("x", -1, "d")
        for _ in 0..<3 { housed.turn(after: 1_100) }
        #expect(housed.rosters.count == 0 && housed.rosters.bytes == 0)
    }

    @Test(arguments: [(0, 2), (-1, 1)])
    func `as many bytes as a loop may keep of users are kept, not one more`(
        _ spare: Int, _ named: Int
    ) {
        let cost = 4 + Attendee.overheadBytes
        var housed = Housed { $0.presenceBytesPerLoopMax = 2 * cost + spare }
        housed.change("user", 1, "c")
        housed.change("user", 1, "d")
        housed.change("user", 1, "e")
        #expect(housed.rosters.userCount == named)
        #expect(housed.rosters.bytes == named * cost)
        for channel in ["c", "d", "e"] { housed.change("user", -1, channel) }
        for _ in 0..<3 { housed.turn(after: 1_100) }
        #expect(housed.rosters.count == 0 && housed.rosters.bytes == 0)
    }

    @Test func `a user beyond the limit who comes once more when there is room is one of two`() {
        var housed = Housed { $0.presenceUsersPerChannelMax = 1 }
        housed.change("ada", 1)
        housed.change("bob", 1)
        housed.turn()
        housed.change("ada", -1)
        for _ in 0..<3 { housed.turn(after: 1_100) }
        housed.change("bob", 1)
        housed.turn()
        housed.turn()
        #expect(housed.list() == .list("c", ["bob": 1], anonymous: 1))
        housed.change("bob", -2)
        #expect(housed.list() == .list("c", ["bob": 0], anonymous: 0))
        for _ in 0..<3 { housed.turn(after: 1_100) }
        #expect(housed.rosters.count == 0)
    }

    @Test func `a crowd is announced a turn's worth at a time`() {
        var housed = Housed { $0.presenceNoticesPerTurnMax = 4 }
        for number in 0..<10 { housed.change("u\(number)", 1) }
        var counts: [Int] = []
        for _ in 0..<4 {
            housed.turn()
            counts.append(housed.inRing.count)
        }
        #expect(counts == [4, 4, 2, 0])
    }
}

@Suite struct UntoldAttendanceTests {
    private func key(_ user: String?) -> UntoldAttendance.Key {
        UntoldAttendance.Key(
            channel: ChannelName([0x63], key: HashKey(1, 2)), user: user.map { Array($0.utf8) })
    }

    @Test func `changes are summed up, told in order, and kept until they are taken`() {
        var untold = UntoldAttendance()
        for user in ["b", "a", nil] { untold.add(key(user), 1) }
        untold.add(key("b"), 2)
        untold.add(key("a"), -1)
        var told: [String] = []
        untold.tell { key, change in
            guard key.user != nil else { return false }
            told.append("\(String(decoding: key.user!, as: UTF8.self)) \(change)")
            return true
        }
        #expect(told == ["b 3"])
        #expect(!untold.isEmpty && untold.contains(key(nil)) && !untold.contains(key("a")))
        untold.add(key(nil), 4)
        untold.tell { _, change in
            told.append("nobody \(change)")
            return true
        }
        #expect(told == ["b 3", "nobody 5"])
        #expect(untold.isEmpty)
    }
}
