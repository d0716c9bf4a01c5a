// From the ring to the connections: the path that every delivered message takes.

internal import Bytes
internal import Ring
internal import Wire

/// Messages of one channel that came one after the other: their bytes are one stretch in each log,
/// so each subscriber is marked once for all of them.
struct DeliveryBatch {
    /// Index of the channel, −1 when the batch is empty.
    var channel = -1
    var messages: [Logged] = []
    /// How many of them are notices.
    var notices = 0
    /// The slot that does not get the batch, −1 for none.
    var excluded: Int32 = -1
    /// Connections over a backlog limit, dealt with once the ring is not being read.
    var overfull: [Int] = []
}

extension Shard {
    /// Delivers what the ring holds, a bounded amount of it.
    mutating func drainRing() {
        readRing()
        closeOverfull()
    }

    private mutating func readRing() {
        guard var reader = self.reader.take() else { return }
        var framed = 0
        let framedMax = limits.drainBytesPerTurnMax
        let read = reader.drain(limit: limits.drainMessagesPerTurnMax) { sequence, message in
            framed += deliver(sequence, message)
            return framed < framedMax
        }
        position = reader.position
        self.reader = consume reader
        flushBatch()
        guard read > 0 else { return }
        coalescing.end()
        batchWindow?.read(to: position)
    }

    // MARK: - Waiting for more

    /// Whether the turn reads the ring, or leaves it for a little longer.
    mutating func mayDrain() -> Bool {
        lookAhead()
        let isPressing = isRingPressing
        guard
            coalescing.isOver(
                now: now.monotonicMilliseconds, waiting: waiting, isPressing: isPressing)
        else { return false }
        return isPressing || (batchWindow?.due ?? 0) <= now.monotonicMilliseconds
    }

    /// Finds out when what has come into the ring is due.
    private mutating func lookAhead() {
        guard var window = batchWindow, let reader = self.reader.take() else { return }
        let time = now.monotonicMilliseconds
        // Once something is due, the ring is read anyway.
        reader.peek(after: max(position, window.seen)) { message in
            window.look(now: time, mayWait: mayWait(message))
            return window.due! > time
        }
        self.reader = consume reader
        batchWindow = window
    }

    /// How long a message that has just come may stay in the ring, milliseconds.
    private func mayWait(_ message: Message) -> UInt64 {
        let milliseconds = settings.namespaces[message.namespace].batchMilliseconds
        let channel = channels.find(message.channel)
        let isFollowed = channel >= 0 && channels[channel].memberCount > 0
        return isFollowed || message.kind.isNotice
            ? milliseconds : BatchWindow.unfollowedMilliseconds
    }

    /// The turn has delivered and written: decides when the next one reads the ring.
    mutating func coalesce(_ microseconds: UInt64) {
        guard !isLeaving else { return }
        coalescing.delivered(
            deliveries, writes: writes, in: microseconds, now: now.monotonicMilliseconds,
            millisecondsMax: limits.coalescingMillisecondsMax)
    }

    /// Whether messages are left in the ring until a later turn, for which ``nextDeadline`` asks.
    package var isHoldingBack: Bool { (coalescing.until ?? batchWindow?.due) != nil && waiting > 0 }

    /// Whether messages that come while this loop sleeps change nothing: it reads the ring at its
    /// ``nextDeadline``, or when that fills up. The first one does, since it is counted.
    package var leavesMessages: Bool { coalescing.hasSeenFirst }

    /// Messages in the ring that this loop has not read, and that may be on their way in.
    private var waiting: UInt64 { shared.ring.published - position }

    /// Whether waiting longer could make the ring refuse messages.
    var isRingPressing: Bool {
        isLeaving || waiting >= UInt64(shared.ring.slotCount / 4) || shared.ring.isQuarterFull
    }

    /// Goes as far as the ring does, as far as it is in: "now" begins after, and history holds,
    /// whatever another loop has answered before this loop was asked.
    ///
    /// Closes nobody: whoever asks goes on. The turn's own drain does.
    mutating func drainToNow() {
        let published = shared.ring.published
        while position < published {
            let before = position
            readRing()
            if position == before { return }
        }
    }

    /// Drains until everything up to `sequence` is delivered.
    ///
    /// - Returns: false when a message up to there is not in yet: its sequence is claimed, and its
    ///   publisher has not come further.
    mutating func drainRing(upTo sequence: UInt64) -> Bool {
        while position < sequence {
            let before = position
            drainRing()
            if position == before { return false }
        }
        return true
    }

    /// Frames one message for those who follow its channel here, and keeps it if the channel lives
    /// here.
    ///
    /// - Returns: the bytes framed.
    private mutating func deliver(_ sequence: UInt64, _ message: Message) -> Int {
        var channel = channels.find(message.channel)
        if message.kind.isNotice {
            if settings.home(of: message.channel) == index { rosters.read(message) }
        } else if settings.home(of: message.channel) == index {
            if channel < 0, settings.namespaces[message.namespace].keepsHistory {
                channel = house(message.channel)
            }
            keep(sequence, message, channel)
        }
        guard channel >= 0, channels[channel].memberCount > 0 else { return 0 }
        let excluded = excludedSlot(message.sender)
        if batch.channel != channel || batch.excluded != excluded || excluded >= 0 {
            flushBatch()
            startBatch(channel, excluded)
        }
        batch.messages.append(Logged(sequence: sequence, message: message))
        if message.kind.isNotice { batch.notices += 1 }
        var framed = 0
        for group in channels[channel].groups.indices {
            guard !channels[channel].groups[group].members.isEmpty else { continue }
            let encoding = channels[channel].groups[group].encoding
            let log = output.log(encoding)
            let start = log.count
            encoder.append(message, sequence: sequence, as: encoding, to: log)
            framed += log.count - start
        }
        return framed
    }

    /// The slot of the peer that is not to get its own message back; −1 when that is nobody of this
    /// loop.
    private func excludedSlot(_ sender: UInt64) -> Int32 {
        guard sender != 0 else { return -1 }
        return slot(of: Peer(raw: sender)).map { Int32(truncatingIfNeeded: $0) } ?? -1
    }

    private mutating func startBatch(_ channel: Int, _ excluded: Int32) {
        batch.channel = channel
        batch.excluded = excluded
        for group in channels[channel].groups.indices {
            let encoding = channels[channel].groups[group].encoding
            channels[channel].groups[group].batchStart = output.log(encoding).count
        }
    }

    /// Marks the batch's bytes for every member.
    mutating func flushBatch() {
        guard batch.channel >= 0 else { return }
        let channel = batch.channel
        batch.channel = -1
        for group in channels[channel].groups.indices { flushBatch(channel, group) }
        batch.messages.removeAll(keepingCapacity: true)
        batch.notices = 0
    }

    private mutating func flushBatch(_ channel: Int, _ group: Int) {
        let encoding = channels[channel].groups[group].encoding
        let start = channels[channel].groups[group].batchStart
        let end = output.log(encoding).count
        guard end > start else { return }
        if encoding.form == .element { answersPolls = true }
        let excluded = batch.excluded
        let members = channels[channel].groups[group].members
        for member in members where member.slot != excluded {
            let slot = Int(member.slot)
            if lagging[slot] {
                holdBatch(slot, encoding)
            } else {
                output.owe(slot, encoding, start, end)
            }
        }
        // A slot stands in a group once.
        let isHere = excluded >= 0 && members.contains { $0.slot == excluded }
        let receivers = members.count - (isHere ? 1 : 0)
        deliveries += UInt64(receivers * batch.messages.count)
        tally(.delivered, receivers * (batch.messages.count - batch.notices))
    }

    // MARK: - Catching up

    /// Frames what waits for a connection, a bounded amount of it; live again when nothing is left.
    mutating func flushLag(_ slot: Int) {
        guard let lag = connections[slot].lag, lag.recalls == 0, !lag.isBlocked,
            lag.verdict == .none
        else { return }
        let log = output.log(.direct)
        guard log.count <= limits.catchUpBytesOfAllPerTurnMax else {
            // Its turn comes when the others have been told.
            continuing.append(slot)
            return
        }
        let poll = poll(slot)
        if poll != nil { answersPolls = answersPolls || !lag.isEmpty }
        let start = log.count
        let bytesMax = poll == nil ? limits.catchUpBytesPerTurnMax : limits.pollBytesMax
        var last: UInt64 = 0
        while log.count - start < bytesMax, let item = lag.popFirst() {
            switch item {
            case .message(let logged, let encoding, _, _):
                last = logged.sequence
                guard !logged.message.isExpired(at: now.unixMilliseconds) else { continue }
                encoder.append(
                    logged.message, sequence: logged.sequence, as: encoding, to: log)
            case .frame(let frame, let isText, _):
                WebSocketEncoder.appendFrame(
                    isText ? .text : .binary, payload: frame.span, to: log)
            case .gap(let channel, _, _): appendGap(slot, channel, to: log)
            case .hole: break
            }
        }
        if log.count > start { output.owe(slot, .direct, start, log.count) }
        if let poll, poll.sawGap, log.count == start { return answerGap(slot, poll) }
        if lag.isEmpty {
            endLag(slot)
        } else if let poll {
            // The answer is made at the end of this turn. The client comes back for the rest.
            poll.through = last
        } else {
            continuing.append(slot)
        }
    }

    private func poll(_ slot: Int) -> LongPoll? {
        if case .poll(let poll) = connections[slot].activity { return poll }
        return nil
    }

    /// Tells a connection in band that messages of `channel` are missing.
    private mutating func appendGap(_ slot: Int, _ channel: ChannelName, to log: ByteBuffer) {
        switch connections[slot].activity {
        case .none, .http, .lingering: break
        case .poll(let poll): poll.sawGap = true
        case .stream(let form):
            let notice = gapNotice(channel)
            if form == .line {
                log.append(notice)
                log.append(0x0A)
            } else {
                ServerSentEvents.append(
                    id: nil, event: Array("gap".utf8), data: notice.span, to: log)
            }
        case .webSocket(let session):
            // Raw frames can't say it; their namespace's operator has chosen that they skip.
            guard case .v1 = session.style else { return }
            let notice = gapNotice(channel)
            encoder.appendText(notice.span, windowBits: Int(session.windowBits), to: log)
        }
    }

    private func gapNotice(_ channel: ChannelName) -> [UInt8] {
        let text = ByteBuffer()
        text.append("{\"gap\":{\"channel\":")
        appendJSONString(channel.bytes.span, to: text)
        text.append("}}")
        return text.array()
    }
}
