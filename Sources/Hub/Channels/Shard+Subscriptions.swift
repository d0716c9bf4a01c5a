// Who follows what, and the past that a channel's home keeps.

internal import Ring

extension Shard {
    static let sweepMilliseconds: UInt64 = 1_000
    /// Until a loop whose mailbox was full is tried again.
    static let resendMilliseconds: UInt64 = 10
    private static let sweepEntriesMax = 4_096

    enum SubscribeOutcome: Equatable {
        case subscribed
        case alreadySubscribed
        /// Over ``Limits/channelsPerConnectionMax``.
        case tooManyChannels
        case loopFull(LoopBound)
    }

    /// What one loop holds no more of.
    enum LoopBound: Equatable {
        /// Over ``Limits/channelsPerLoopMax``.
        case channels(limit: Int)
        /// Over ``Limits/subscriptionsPerLoopMax``.
        case subscriptions(limit: Int)

        var detail: String {
            switch self {
            case .channels(let limit):
                "this would be channel \(limit + 1) of this loop; at most \(limit) are allowed"
            case .subscriptions(let limit):
                "this would be subscription \(limit + 1) of this loop; "
                    + "at most \(limit) are allowed"
            }
        }

        var limit: Int {
            switch self {
            case .channels(let limit), .subscriptions(let limit): limit
            }
        }
    }

    /// Makes a connection follow a channel, from `start` on.
    mutating func subscribe(
        _ slot: Int, _ name: ChannelName, _ encoding: Encoding, from start: Start
    ) -> SubscribeOutcome {
        if subscription(slot, to: name) != nil { return .alreadySubscribed }
        guard connections[slot].subscriptions.count < limits.channelsPerConnectionMax else {
            return .tooManyChannels
        }
        guard subscriptionCount < limits.subscriptionsPerLoopMax else {
            return .loopFull(.subscriptions(limit: limits.subscriptionsPerLoopMax))
        }
        var channel = channels.find(name)
        if channel < 0 {
            guard channels.count < limits.channelsPerLoopMax else {
                return .loopFull(.channels(limit: limits.channelsPerLoopMax))
            }
            channel = channels.insert(name, namespace: settings.namespaces.index(of: name.bytes))
        }
        // The batch in progress was framed before this member came.
        flushBatch()
        let group = groupIndex(channel, encoding)
        let member = channels[channel].groups[group].members.count
        let subscription = connections[slot].subscriptions.count
        channels[channel].groups[group].members.append(
            Member(
                slot: Int32(truncatingIfNeeded: slot),
                subscription: Int32(truncatingIfNeeded: subscription)))
        channels[channel].memberCount += 1
        if channels[channel].memberCount == 1 { shared.interest.follow(name, on: index) }
        connections[slot].subscriptions.append(
            Subscription(
                channel: Int32(truncatingIfNeeded: channel),
                member: Int32(truncatingIfNeeded: member), encoding: encoding))
        subscriptionCount += 1
        tally(.subscriptions)
        if keepsPresence(channel) { attend(slot, name, by: 1) }
        let wantsPresence = beginsWithPresence(name, encoding)
        if wantsPresence || hasPast(name, start) {
            recallPast(slot, subscription, name, start, wantsPresence)
        }
        return .subscribed
    }

    /// Makes a connection follow several channels from the same start. Their pasts come together,
    /// in one order: a client that resumes by the last id it saw has then seen all before it, on
    /// each of them.
    ///
    /// - Returns: the first outcome that is not ``SubscribeOutcome/subscribed``, and the rest is
    ///   not tried.
    mutating func subscribe(
        _ slot: Int, _ names: [ChannelName], _ encoding: Encoding, from start: Start
    ) -> SubscribeOutcome {
        guard names.contains(where: { hasPast($0, start) || beginsWithPresence($0, encoding) })
        else {
            for name in names {
                let outcome = subscribe(slot, name, encoding, from: .now)
                guard outcome == .subscribed else { return outcome }
            }
            return .subscribed
        }
        let lag = beginLag(slot)
        lag.recalls += 1
        for name in names {
            let outcome = subscribe(slot, name, encoding, from: start)
            guard outcome == .subscribed else { return outcome }
            // Gone when the connection has been closed for a gap that it can't be told of.
            guard connections[slot].lag === lag else { return .subscribed }
        }
        lag.recalls -= 1
        if lag.recalls == 0 { flushLag(slot) }
        return .subscribed
    }

    /// Whether a subscriber that begins at `start` is told messages before what is live. The place of
    /// "now" is of no use to it before it has them: it would go on behind them.
    func hasPast(_ name: ChannelName, _ start: Start) -> Bool {
        start != .now
            || settings.namespaces[settings.namespaces.index(of: name.bytes)].history == .last
    }

    private mutating func groupIndex(_ channel: Int, _ encoding: Encoding) -> Int {
        if let found = channels[channel].groups.firstIndex(where: { $0.encoding == encoding }) {
            return found
        }
        channels[channel].groups.append(Group(encoding: encoding))
        return channels[channel].groups.count - 1
    }

    /// Index of the connection's subscription to `name`, or nil.
    func subscription(_ slot: Int, to name: ChannelName) -> Int? {
        connections[slot].subscriptions.firstIndex { channels[Int($0.channel)].name == name }
    }

    mutating func unsubscribe(_ slot: Int, _ subscription: Int) {
        flushBatch()
        let gone = connections[slot].subscriptions[subscription]
        let channel = Int(gone.channel)
        let group = groupIndex(channel, gone.encoding)
        let member = Int(gone.member)

        let lastMember = channels[channel].groups[group].members.removeLast()
        if member < channels[channel].groups[group].members.count {
            channels[channel].groups[group].members[member] = lastMember
            connections[Int(lastMember.slot)].subscriptions[Int(lastMember.subscription)].member =
                gone.member
        }
        channels[channel].memberCount -= 1
        if channels[channel].memberCount == 0 { loseInterest(channels[channel].name) }
        subscriptionCount -= 1
        tally(.subscriptions, -1)

        let lastSubscription = connections[slot].subscriptions.removeLast()
        if subscription < connections[slot].subscriptions.count {
            connections[slot].subscriptions[subscription] = lastSubscription
            let home = groupIndex(Int(lastSubscription.channel), lastSubscription.encoding)
            channels[Int(lastSubscription.channel)].groups[home]
                .members[Int(lastSubscription.member)].subscription =
                Int32(truncatingIfNeeded: subscription)
        }
        if keepsPresence(channel) { attend(slot, channels[channel].name, by: -1) }
        if gone.recall != 0, let lag = connections[slot].lag {
            lag.recalls -= 1
            if lag.recalls == 0 { continuing.append(slot) }
        }
        dropIfUnused(channel)
    }

    /// Nobody here follows this channel any more; others of its bucket may be followed still.
    private func loseInterest(_ name: ChannelName) {
        let interest = shared.interest
        let bucket = interest.bucket(of: name)
        guard !channels.isAnyFollowed(bucket: bucket, of: interest.bucketCount) else { return }
        interest.clear(bucket: bucket, on: index)
    }

    mutating func unsubscribeAll(_ slot: Int) {
        while let last = connections[slot].subscriptions.indices.last { unsubscribe(slot, last) }
    }

    // MARK: - The home of a channel

    /// Makes an entry for a channel that lives here; −1 at the limit, and its messages are not
    /// kept.
    mutating func house(_ name: ChannelName) -> Int {
        guard channels.count < limits.channelsPerLoopMax else { return -1 }
        return channels.insert(name, namespace: settings.namespaces.index(of: name.bytes))
    }

    /// Takes out a channel that nobody follows here and that keeps nothing.
    private mutating func dropIfUnused(_ channel: Int) {
        guard channels[channel].memberCount == 0 else { return }
        if let history = channels[channel].history {
            guard history.isEmpty, !isRemembered(history) else { return }
            let namespace = Int(channels[channel].namespace)
            forgotten[namespace] = max(forgotten[namespace], history.forgotten)
        }
        channels.remove(channel)
    }

    /// An empty history still tells a gap from none, for a while and while there is plenty of room.
    private func isRemembered(_ history: History) -> Bool {
        channels.count < limits.channelsPerLoopMax / 2
            && history.lastUnixMilliseconds + limits.channelMemoryMillisecondsMax
                >= now.unixMilliseconds
    }

    /// Drops what histories keep beyond their age, some thousand channels a second; and what a
    /// restored past holds over the loop's share.
    mutating func sweepChannels() {
        sweepDue = now.monotonicMilliseconds + Shard.sweepMilliseconds
        evictHistory(toBytes: historyShare)
        shared.ledger.sweep(
            part: index, of: settings.loops, nowMilliseconds: now.monotonicMilliseconds)
        let count = channels.entries.count
        guard count > 0 else { return }
        for _ in 0..<min(count, Shard.sweepEntriesMax) {
            sweepCursor = sweepCursor + 1 < count ? sweepCursor + 1 : 0
            guard channels.isInUse(sweepCursor), channels[sweepCursor].history != nil else {
                continue
            }
            ageHistory(sweepCursor)
            dropIfUnused(sweepCursor)
        }
    }

    // MARK: - Recalls

    /// Asks the channel's home for the past. Live messages wait meanwhile.
    private mutating func recallPast(
        _ slot: Int, _ subscription: Int, _ name: ChannelName, _ start: Start,
        _ wantsPresence: Bool
    ) {
        let lag = beginLag(slot)
        lag.recalls += 1
        recallTicket = recallTicket == .max ? 1 : recallTicket + 1
        connections[slot].subscriptions[subscription].recall = recallTicket
        ask(
            RecallRequest(
                requester: peer(slot), purpose: .subscription, ticket: recallTicket, channel: name,
                start: start, upTo: position, limit: .max, wantsPresence: wantsPresence))
    }

    /// Sends a request to the channel's home, or answers it here when this is the home.
    mutating func ask(_ request: RecallRequest) {
        var request = request
        // An id that this client got on another loop may be ahead of this loop. One that can't be
        // reached was guessed, or its publisher was quicker than those before it: nothing can be
        // promised about it yet.
        if case .after(let sequence) = request.start, !drainRing(upTo: sequence) {
            request.start = .unknown
        }
        let home = settings.home(of: request.channel)
        guard home != index else { return accept(answer(request)) }
        guard !post(.recall(request), to: home) else { return }
        if request.wantsPresence, case .subscription = request.purpose {
            // Without a list to begin with, the notices that follow say nothing.
            unasked.append(request)
        } else {
            // The home is overwhelmed: nothing of the past can be promised.
            accept(Recall(request: request, messages: [], through: request.upTo, gap: true))
        }
    }

    mutating func readMail() {
        guard !shared.mailboxes[index].isEmpty else { return }
        mail.removeAll(keepingCapacity: true)
        shared.mailboxes[index].take(into: &mail)
        let letters = mail
        // First, so that all who ask in this turn who is there get one and the same list.
        if keepsPresence { takeAttendance(letters) }
        for letter in letters {
            switch letter {
            case .attendance: break
            case .recall(let request):
                send(answer(request))
            case .recalled(let recall): accept(recall)
            case .send(let peer, let text, let bytes): send(bytes, text: text, to: peer)
            case .close(let peer, let code, let reason):
                close(peer, code: code, reason: String(decoding: reason, as: UTF8.self))
            }
        }
        mail.removeAll(keepingCapacity: true)
    }

    /// A recall that gets lost would leave its subscriber waiting for ever, so one that finds no
    /// room is kept.
    private mutating func send(_ recall: Recall) {
        if !post(.recalled(recall), to: recall.request.requester.loop) { unsent.append(recall) }
    }

    mutating func sendAgain() {
        let recalls = unsent
        unsent.removeAll(keepingCapacity: true)
        for recall in recalls { send(recall) }
        tellAttendanceAgain()
        askAgain()
    }

    /// What this loop keeps of a channel that lives here.
    private mutating func answer(_ request: RecallRequest) -> Recall {
        // The requester has read that far, so it is all in.
        let isReached = drainRing(upTo: request.upTo)
        precondition(isReached, "sequence \(request.upTo) was read on another loop and is not in")
        if request.wantsPresence { announceBeforeAnswer() }
        let channel = channels.find(request.channel)
        let history = channel >= 0 ? channels[channel].history : nil
        let namespace = settings.namespaces.index(of: request.channel.bytes)
        let keepsLast = settings.namespaces[namespace].history == .last
        var from: UInt64 = 0
        if case .after(let sequence) = request.start { from = sequence }
        var messages: [Logged] = []
        if request.start != .now || keepsLast {
            messages =
                history?.after(
                    from, limit: request.limit, nowUnixMilliseconds: now.unixMilliseconds) ?? []
        }
        let gap: Bool
        switch request.start {
        case .now, .first: gap = false
        // A newest message supersedes whatever was told in another life.
        case .unknown: gap = !keepsLast || messages.isEmpty
        case .after(let sequence): gap = sequence < history?.forgotten ?? forgotten[Int(namespace)]
        }
        if request.wantsPresence {
            messages.append(
                Logged(sequence: position, message: rosters.list(request.channel, namespace)))
        }
        return Recall(request: request, messages: messages, through: position, gap: gap)
    }

    /// The past has come: joins it by sequence with what came live meanwhile.
    private mutating func accept(_ recall: Recall) {
        let request = recall.request
        // The home may be ahead of this loop: what it has told must not come live once more.
        let isReached = drainRing(upTo: recall.through)
        precondition(isReached, "sequence \(recall.through) was read on another loop and is not in")
        guard let slot = slot(of: request.requester) else { return }
        switch request.purpose {
        case .request: answerHistory(slot, recall)
        case .command(let reference): answerHistory(slot, recall, reference)
        case .presenceRequest: answerPresence(slot, recall)
        case .presenceCommand(let reference): answerPresence(slot, recall, reference)
        case .subscription:
            guard let index = subscription(slot, to: request.channel),
                connections[slot].subscriptions[index].recall == request.ticket,
                let lag = connections[slot].lag
            else { return }
            connections[slot].subscriptions[index].recall = 0
            lag.recalls -= 1
            var after: UInt64 = 0
            if case .after(let sequence) = request.start { after = sequence }
            // A message that names a sender is not to go back to it.
            let past = recall.messages.filter { $0.message.sender != request.requester.raw }
            lag.merge(
                past: past, through: recall.through, after: after,
                isWhole: hasPast(request.channel, request.start), of: request.channel,
                connections[slot].subscriptions[index].encoding, gap: recall.gap)
            if recall.gap { tally(.gaps) }
            if recall.gap, refusesGap(slot) { return }
            if lag.recalls == 0 { flushLag(slot) }
        }
    }

    /// A raw WebSocket has no way to say that messages are missing: it is closed instead.
    private mutating func refusesGap(_ slot: Int) -> Bool {
        guard case .webSocket(let session) = connections[slot].activity,
            case .raw = session.style
        else { return false }
        closeWebSocket(slot, session, code: 4410, "messages after this id are gone")
        return true
    }
}
