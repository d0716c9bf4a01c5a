// Server-sent events, lines and long-polls: the three ways to receive over plain HTTP.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    /// What an `EventSource` waits before it comes again, milliseconds.
    private static let retryMilliseconds: UInt64 = 2_000

    /// How long a poll whose time is up awaits a past that is on its way, before it is looked at
    /// again.
    private static let recallMilliseconds: UInt64 = 100

    /// Where the client wants to go on: `Last-Event-ID`, `?after=` and its other names.
    func start(_ head: RequestHead) -> Start {
        let given =
            head.first("Last-Event-ID").map { Array($0.utf8) } ?? head.queryValue("after")
            ?? head.queryValue("lastEventId") ?? head.queryValue("last_event_id")
        guard let given, !given.isEmpty else { return .now }
        return start(id: given)
    }

    func start(id: [UInt8]) -> Start {
        Start(id: id, epoch: settings.epoch, published: shared.ring.published)
    }

    mutating func openStreamOrPoll(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ names: [ChannelName]
    ) {
        if head.accepts("text/event-stream") {
            openStream(slot, head, names, names.count == 1 ? .event : .envelopeEvent)
        } else if head.accepts("application/x-ndjson") {
            openStream(slot, head, names, .line)
        } else {
            openPoll(slot, exchange, head, names)
        }
    }

    // MARK: - Streams

    private mutating func openStream(
        _ slot: Int, _ head: RequestHead, _ names: [ChannelName], _ form: Encoding.Form
    ) {
        let start = start(head)
        drainToNow()
        let position = names.contains { hasPast($0, start) } ? nil : id(position)
        respondStreaming(
            slot, head, type: form == .line ? "application/x-ndjson" : "text/event-stream",
            position: position)
        connections[slot].activity = .stream(form)
        if form != .line {
            write(slot) { log in
                ServerSentEvents.append(retryMilliseconds: Shard.retryMilliseconds, to: log)
                // An id without data makes no event, but a client that is cut before the first
                // message knows where to go on (WHATWG HTML §9.2.6).
                if let position {
                    log.append("id: ")
                    position.append(to: log)
                    log.append("\n\n")
                }
            }
        }
        switch subscribe(slot, names, Encoding(form), from: start) {
        case .subscribed, .alreadySubscribed: armHeartbeat(slot)
        case .tooManyChannels, .loopFull:
            // The head has gone out: ending the stream is the only answer left.
            free(slot, reason: .server)
        }
    }

    mutating func streamHeartbeat(_ slot: Int, _ form: Encoding.Form) {
        if connections[slot].lag == nil {
            write(slot) { log in
                if form == .line { log.append(0x0A) } else { log.append(":\n\n") }
            }
        }
        armHeartbeat(slot)
    }

    // MARK: - Long-poll

    private mutating func openPoll(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ names: [ChannelName]
    ) {
        var start = start(head)
        if start == .now, let tag = head.first("If-None-Match") {
            start = self.start(id: entityTag(tag))
        }
        var wait = limits.pollMilliseconds - jitter.next(below: limits.pollMilliseconds / 10)
        if let asked = head.queryValue("timeout") {
            guard let seconds = decimal(asked), seconds <= limits.pollMillisecondsMax / 1000 else {
                respondProblem(
                    slot, head, .badRequest,
                    "timeout is a number of seconds, 0 to \(limits.pollMillisecondsMax / 1000)",
                    limit: Int(limits.pollMillisecondsMax / 1000),
                    value: decimal(asked).map { Int($0) })
                return
            }
            wait = seconds * 1000
        }
        drainToNow()
        connections[slot].activity = .poll(LongPoll(head: head, exchange: exchange))
        arm(slot, after: wait)
        switch subscribe(slot, names, Encoding(.element), from: start) {
        case .subscribed, .alreadySubscribed: break
        case .tooManyChannels:
            // Held by `checked`, so this is for the compiler.
            finishPoll(slot, exchange)
            respondProblem(slot, head, .badRequest, "too many channels")
        case .loopFull(let bound):
            finishPoll(slot, exchange)
            respondProblem(
                slot, head, .serviceUnavailable, bound.detail, limit: bound.limit,
                value: bound.limit + 1, fields: [("Retry-After", "5")])
        }
    }

    /// The tag without quotes and weakness mark (RFC 9110 §8.8.3).
    private func entityTag(_ field: String) -> [UInt8] {
        var tag = field[...]
        if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
        if tag.hasPrefix("\"") { tag = tag.dropFirst() }
        if tag.hasSuffix("\"") { tag = tag.dropLast() }
        return Array(tag.utf8)
    }

    private func decimal(_ bytes: [UInt8]) -> UInt64? {
        guard !bytes.isEmpty, bytes.count < 10 else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + UInt64(byte - 0x30)
        }
        return value
    }

    /// Answers every poll that this turn brought something: all of it in one answer.
    mutating func answerPolls() {
        answersPolls = false
        for index in output.dirty.indices {
            let slot = Int(output.dirty[index].slot)
            guard case .poll(let poll) = connections[slot].activity else { continue }
            answer(poll, slot, dirtyIndex: index)
        }
    }

    private mutating func answer(_ poll: LongPoll, _ slot: Int, dirtyIndex: Int) {
        let prefix: StaticString = "{\"messages\":["
        let suffix: StaticString = "]}\n"
        // The first element's leading comma is dropped.
        let elements = output.bytes(from: output.dirty[dirtyIndex].firstRun) - 1
        let length = prefix.utf8CodeUnitCount + elements + suffix.utf8CodeUnitCount
        let log = output.log(.direct)
        let head = log.count
        var fields = scratch.takeFields()
        fields.append(("Content-Type", "application/json"))
        appendPollFields(slot, poll, to: &fields)
        appendCommonFields(poll.head, to: &fields)
        ResponseWriter.appendHead(
            .ok, fields: fields, body: .length(UInt64(length)),
            persistence: persistence(poll.head, keepAlive: poll.head.keepAlive), to: log)
        scratch.giveBack(&fields)
        log.append(prefix)
        let tail = log.count
        log.append(suffix)
        output.wrap(
            dirtyIndex: dirtyIndex, log: .direct, head: head..<tail, tail: tail..<log.count)
        finishPoll(slot, poll.exchange)
        finishResponse(slot, keepAlive: poll.head.keepAlive)
    }

    /// The time is up: 204, with the tag to go on from.
    mutating func answerNothing(_ slot: Int, _ poll: LongPoll) {
        // A message of this very turn would be lost between the answer and the next poll's start.
        guard !output.owes(slot) else { return }
        if connections[slot].lag != nil {
            // Its past is on the way here. A tag that is ahead of it would lose it.
            arm(slot, after: Shard.recallMilliseconds)
            return
        }
        let fields = pollFields(slot, poll)
        finishPoll(slot, poll.exchange)
        respondNothing(slot, poll.head, fields: fields)
    }

    /// Messages are gone and none is kept: that is told at once, not with whatever comes next.
    mutating func answerGap(_ slot: Int, _ poll: LongPoll) {
        let fields = pollFields(slot, poll)
        finishPoll(slot, poll.exchange)
        respond(
            slot, poll.head, type: "application/json", body: "{\"messages\":[]}\n".utf8.span,
            fields: fields)
    }

    private func pollFields(_ slot: Int, _ poll: LongPoll) -> Fields {
        var fields: Fields = []
        appendPollFields(slot, poll, to: &fields)
        return fields
    }

    private func appendPollFields(_ slot: Int, _ poll: LongPoll, to fields: inout Fields) {
        // Everything up to the loop's position was delivered to this connection or was not for it.
        // Not stored: a browser would send a stored ETag with a poll that means to begin now.
        let through = poll.through ?? position
        fields.append(("ETag", .entityTag(id(through))))
        fields.append(("Cache-Control", "no-store"))
        if poll.sawGap { fields.append(("Carillon-Gap", "true")) }
    }

    mutating func finishPoll(_ slot: Int, _ exchange: HTTPExchange) {
        unsubscribeAll(slot)
        endLag(slot)
        connections[slot].activity = .http(exchange)
        if !exchange.carry.isEmpty || exchange.inputEnded { continuing.append(slot) }
    }

    // MARK: - History

    mutating func requestHistory(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ name: ChannelName
    ) {
        let limit = head.queryValue("limit").map { decimal($0) }
        if case .some(nil) = limit {
            respondProblem(slot, head, .badRequest, "limit is a number")
            return
        }
        let start = start(head)
        drainToNow()
        exchange.awaits = .recall(head)
        ask(
            RecallRequest(
                requester: peer(slot), purpose: .request, ticket: 0, channel: name,
                start: start == .now ? .first : start, upTo: position,
                limit: Int((limit ?? nil) ?? 1000)))
    }

    mutating func answerHistory(_ slot: Int, _ recall: Recall) {
        guard case .http(let exchange) = connections[slot].activity,
            case .recall(let head) = exchange.awaits
        else { return }
        endWait(slot, exchange)
        let owed = output.log(.direct).count
        guard owed <= limits.historyBytesPerTurnMax else {
            respondProblem(
                slot, head, .serviceUnavailable,
                "\(owed) bytes are being answered at once; "
                    + "history is not read above \(limits.historyBytesPerTurnMax)",
                limit: limits.historyBytesPerTurnMax, value: owed, fields: [("Retry-After", "1")])
            return
        }
        let body = ByteBuffer()
        body.append("{\"messages\":[")
        appendElements(recall.messages, to: body)
        body.append("]}\n")
        var fields: Fields = [("Cache-Control", "no-store")]
        if recall.gap { fields.append(("Carillon-Gap", "true")) }
        body.withSpan {
            respond(slot, head, type: "application/json", body: $0, fields: fields)
        }
    }

    /// The envelopes of `messages`, with commas between them.
    mutating func appendElements(_ messages: [Logged], to output: ByteBuffer) {
        let elements = ByteBuffer()
        for logged in messages {
            encoder.append(
                logged.message, sequence: logged.sequence, as: Encoding(.element), to: elements)
        }
        // The first element's comma is dropped.
        if !elements.isEmpty { elements.withSpan(1..<elements.count) { output.append($0) } }
    }
}
