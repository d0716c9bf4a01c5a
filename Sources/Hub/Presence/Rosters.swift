// The rosters of the channels that live on one loop, and what is due to be said of them.
//
// Pure: time is an argument, and what is to be published is handed to a closure. What a roster's
// list says is what the notices say that this loop has read from the ring, so a list taken at a
// sequence and the notices after that sequence make one story.

internal import Bytes
internal import Ring
internal import Wire

struct Rosters {
    private let usersPerChannelMax: Int
    private let bytesMax: Int
    private let noticesPerTurnMax: Int

    private var rosters: [ChannelName: Roster] = [:]
    private var attendees: [Attendee?] = []
    private var free: [Int] = []
    /// When the grace of users without connections ends, by index into `attendees`.
    private var departures: TimerWheel
    /// Users whose standing may differ from what is so.
    private var unannounced: [Int] = []
    private var noticesLeft: Int
    /// The cost of all users, bytes.
    private(set) var bytes = 0
    /// The sequence of the last notice that this loop has published.
    private(set) var lastNotice: UInt64 = 0
    /// The list made last, as long as it is true: a crowd that comes together gets one.
    private var lastList: (roster: Roster, message: Message)?

    init(_ limits: Limits, nowMilliseconds: UInt64) {
        usersPerChannelMax = limits.presenceUsersPerChannelMax
        bytesMax = limits.presenceBytesPerLoopMax
        noticesPerTurnMax = limits.presenceNoticesPerTurnMax
        noticesLeft = noticesPerTurnMax
        departures = TimerWheel(nowMilliseconds: nowMilliseconds)
    }

    /// Channels that somebody follows, or has just followed.
    var count: Int { rosters.count }
    /// Users of all of them.
    var userCount: Int { attendees.count - free.count }
    var hasUnannounced: Bool { !unannounced.isEmpty }
    /// When the next grace ends, milliseconds; may be early, never late. Nil when nobody is away.
    var nextMilliseconds: UInt64? { departures.nextMilliseconds }

    // MARK: - Coming and going

    /// So many more (or fewer) connections of `user` follow the channel, or of nobody in
    /// particular.
    ///
    /// Loops report changes, in order, each of its own connections: the sum for a user is never
    /// negative. What of it was counted as anonymous, the user being beyond a limit, goes from
    /// there.
    mutating func change(
        _ channel: ChannelName, _ user: [UInt8]?, by change: Int, graceMilliseconds: UInt64,
        nowMilliseconds now: UInt64
    ) {
        let roster: Roster
        if let known = rosters[channel] {
            roster = known
        } else {
            roster = Roster(channel, graceMilliseconds: graceMilliseconds)
            rosters[channel] = roster
        }
        forgetList(of: roster)
        if let user, let index = index(of: user, roster, mayAdd: change > 0) {
            let left = changeConnections(index, by: change, now)
            roster.anonymous += left
        } else {
            roster.anonymous += change
        }
        precondition(roster.anonymous >= 0, "\(roster.anonymous) connections without a user")
        dropIfEmpty(roster)
    }

    /// - Returns: what of a negative change is beyond the user's connections.
    private mutating func changeConnections(_ index: Int, by change: Int, _ now: UInt64) -> Int {
        let before = attendees[index]!.connections
        let after = max(0, before + change)
        attendees[index]!.connections = after
        if after > 0 {
            departures.cancel(index)
            attendees[index]!.isGone = false
            if attendees[index]!.standing == .absent { enqueue(index) }
        } else if before > 0 {
            let grace = attendees[index]!.roster.graceMilliseconds
            departures.arm(index, atMilliseconds: now + grace)
        }
        return before + change - after
    }

    private mutating func index(of user: [UInt8], _ roster: Roster, mayAdd: Bool) -> Int? {
        if let known = roster.indices[user] { return known }
        let attendee = Attendee(name: user, roster: roster, place: roster.attendees.count)
        guard mayAdd, roster.attendees.count < usersPerChannelMax,
            bytes + attendee.cost <= bytesMax
        else { return nil }
        bytes += attendee.cost
        let index: Int
        if let reused = free.popLast() {
            index = reused
            attendees[index] = attendee
        } else {
            index = attendees.count
            attendees.append(attendee)
            departures.grow(to: attendees.count)
        }
        roster.attendees.append(index)
        roster.indices[user] = index
        return index
    }

    private mutating func remove(_ index: Int) {
        let gone = attendees[index]!
        let roster = gone.roster
        departures.cancel(index)
        let last = roster.attendees.removeLast()
        if gone.place < roster.attendees.count {
            roster.attendees[gone.place] = last
            attendees[last]!.place = gone.place
        }
        roster.indices[gone.name] = nil
        bytes -= gone.cost
        attendees[index] = nil
        free.append(index)
        dropIfEmpty(roster)
    }

    private mutating func dropIfEmpty(_ roster: Roster) {
        guard roster.isEmpty else { return }
        forgetList(of: roster)
        rosters[roster.channel] = nil
    }

    // MARK: - Announcing

    /// A new turn: users whose grace is over are gone.
    mutating func beginTurn(nowMilliseconds now: UInt64) {
        noticesLeft = noticesPerTurnMax
        guard departures.armed > 0 else { return }
        var expired: [Int] = []
        departures.advance(toMilliseconds: now, expired: &expired)
        for index in expired {
            attendees[index]!.isGone = true
            enqueue(index)
        }
    }

    private mutating func enqueue(_ index: Int) {
        guard !attendees[index]!.isQueued else { return }
        attendees[index]!.isQueued = true
        unannounced.append(index)
    }

    /// Publishes the joins and leaves that are due, as far as the ring takes them.
    ///
    /// - Parameter publish: the notice's sequence, or nil when the ring is full.
    mutating func announce(_ publish: (Message.Kind, ChannelName, _ user: [UInt8]) -> UInt64?) {
        var done = 0
        for index in unannounced {
            guard settle(index, publish) else { break }
            done += 1
        }
        unannounced.removeFirst(done)
    }

    /// - Returns: false when a notice is due and finds no room.
    private mutating func settle(
        _ index: Int, _ publish: (Message.Kind, ChannelName, _ user: [UInt8]) -> UInt64?
    ) -> Bool {
        let attendee = attendees[index]!
        switch attendee.standing {
        case .absent where attendee.connections > 0:
            guard tell(.join, attendee, publish) else { return false }
            attendees[index]!.standing = .joining
        case .present where attendee.isGone:
            guard tell(.leave, attendee, publish) else { return false }
            attendees[index]!.standing = .leaving
        case .absent:
            // Left, and everybody knows; or came and went before anybody was told.
            remove(index)
            return true
        case .present, .joining, .leaving: break
        }
        attendees[index]!.isQueued = false
        return true
    }

    private mutating func tell(
        _ kind: Message.Kind, _ attendee: Attendee,
        _ publish: (Message.Kind, ChannelName, _ user: [UInt8]) -> UInt64?
    ) -> Bool {
        guard noticesLeft > 0,
            let sequence = publish(kind, attendee.roster.channel, attendee.name)
        else { return false }
        noticesLeft -= 1
        lastNotice = sequence
        return true
    }

    /// A notice of this loop has come out of the ring: from here on the list has it, too.
    mutating func read(_ notice: Message) {
        guard let roster = rosters[notice.channel], let index = roster.indices[notice.payload]
        else { preconditionFailure("a notice of a user whom its channel's home does not know") }
        forgetList(of: roster)
        if notice.kind == .join {
            attendees[index]!.standing = .present
            if attendees[index]!.isGone { enqueue(index) }
        } else {
            attendees[index]!.standing = .absent
            enqueue(index)
        }
    }

    // MARK: - Listing

    /// `{"channel":C,"users":{"ada":2,…},"anonymous":3}`: those whose join this loop has read, and
    /// their connections at present; 0 during their grace.
    mutating func list(_ channel: ChannelName, _ namespace: UInt8) -> Message {
        let roster = rosters[channel]
        if let lastList, lastList.roster === roster { return lastList.message }
        let text = ByteBuffer()
        text.append("{\"channel\":")
        appendJSONString(channel.bytes.span, to: text)
        text.append(",\"users\":{")
        var isFirst = true
        for index in roster?.attendees ?? [] {
            let attendee = attendees[index]!
            guard attendee.standing == .present || attendee.standing == .leaving else { continue }
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            appendJSONString(attendee.name.span, to: text)
            text.append(UInt8(ascii: ":"))
            text.append(decimal: UInt64(attendee.connections))
        }
        text.append("},\"anonymous\":")
        text.append(decimal: UInt64(roster?.anonymous ?? 0))
        text.append("}")
        let list = Message(
            channel: channel, namespace: namespace, kind: .presence, payload: text.array(),
            timeMilliseconds: 0)
        if let roster { lastList = (roster, list) }
        return list
    }

    private mutating func forgetList(of roster: Roster) {
        if lastList?.roster === roster { lastList = nil }
    }
}
