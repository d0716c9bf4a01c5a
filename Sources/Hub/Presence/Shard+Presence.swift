// Presence: each loop tells a channel's home how many of its connections follow it under which
// name; the home tells who comes and goes through the ring, in order with the channel's messages.

internal import Ring
internal import Wire

extension Shard {
    /// Whether who follows this channel is kept.
    func keepsPresence(_ channel: Int) -> Bool {
        keepsPresence && settings.namespaces[channels[channel].namespace].presence
    }

    func keepsPresence(_ channel: ChannelName) -> Bool {
        keepsPresence
            && settings.namespaces[settings.namespaces.index(of: channel.bytes)].presence
    }

    /// Whether a subscriber to this channel is told first who is there.
    func beginsWithPresence(_ channel: ChannelName, _ encoding: Encoding) -> Bool {
        encoding.form.showsPresence && keepsPresence(channel)
    }

    // MARK: - On any loop

    /// A connection of this loop has begun (1) or ceased (−1) to follow a channel.
    mutating func attend(_ slot: Int, _ channel: ChannelName, by change: Int) {
        let user = connections[slot].user
        let home = settings.home(of: channel)
        guard home != index else {
            changeAttendance(channel, user, by: change)
            return
        }
        let key = UntoldAttendance.Key(channel: channel, user: user)
        // A change must not overtake an earlier one.
        if !untold.isEmpty, untold.contains(key) {
            untold.add(key, change)
        } else if !post(.attendance(channel, user: user, change: change), to: home) {
            untold.add(key, change)
        }
    }

    mutating func tellAttendanceAgain() {
        guard !untold.isEmpty else { return }
        let shared = shared
        let settings = settings
        var homes = LoopSet()
        untold.tell { key, change in
            let home = settings.home(of: key.channel)
            let letter = Mail.attendance(key.channel, user: key.user, change: change)
            guard shared.mailboxes[home].post(letter) else { return false }
            homes.insert(home)
            return true
        }
        output.calls.toTurn.formUnion(homes)
    }

    /// Sends the requests again that found the home's mailbox full; not those of subscribers who
    /// are gone.
    mutating func askAgain() {
        let requests = unasked
        unasked.removeAll(keepingCapacity: true)
        for request in requests {
            guard let slot = slot(of: request.requester),
                let subscription = subscription(slot, to: request.channel),
                connections[slot].subscriptions[subscription].recall == request.ticket
            else { continue }
            ask(request)
        }
    }

    // MARK: - At home

    mutating func takeAttendance(_ letters: [Mail]) {
        for case .attendance(let channel, let user, let change) in letters {
            changeAttendance(channel, user, by: change)
        }
    }

    private mutating func changeAttendance(
        _ channel: ChannelName, _ user: [UInt8]?, by change: Int
    ) {
        let namespace = settings.namespaces[settings.namespaces.index(of: channel.bytes)]
        rosters.change(
            channel, user, by: change, graceMilliseconds: namespace.presenceGraceMilliseconds,
            nowMilliseconds: now.monotonicMilliseconds)
    }

    /// Once a turn: whose grace is over, and who is to be announced.
    mutating func tendPresence() {
        rosters.beginTurn(nowMilliseconds: now.monotonicMilliseconds)
        announce()
    }

    private mutating func announce() {
        guard rosters.hasUnannounced else { return }
        let shared = shared
        let namespaces = settings.namespaces
        let time = now.unixMilliseconds
        var followers = LoopSet()
        var isFull = false
        rosters.announce { kind, channel, user in
            let notice = Message(
                channel: channel, namespace: namespaces.index(of: channel.bytes), kind: kind,
                payload: user, timeMilliseconds: time)
            guard case .published(let sequence) = shared.ring.publish(notice) else {
                isFull = true
                return nil
            }
            shared.interest.addFollowers(of: channel, to: &followers)
            return sequence
        }
        hasPublished = true
        output.calls.toRead.formUnion(followers)
        if isFull { output.calls = .all }
    }

    /// A list is about to be made: whoever asks for it on coming finds himself in it, if the ring
    /// takes the notice.
    mutating func announceBeforeAnswer() {
        announce()
        _ = drainRing(upTo: rosters.lastNotice)
    }
}
