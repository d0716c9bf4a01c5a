// `carillon.v1`: what a client's commands do.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    /// Carries out one command and answers it.
    mutating func obey(_ slot: Int, _ session: WebSocketSession, _ payload: [UInt8]) {
        var object = scratch.takeObject()
        object.bytes = payload
        let answer = scratch.answer
        var reference: ArraySlice<UInt8>?
        do throws(CommandError) {
            try object.parseCommand()
            reference = try self.reference(object)
            try obey(slot, session, object, reference, answer)
        } catch {
            tally(.refused)
            answer.removeAll()
            appendError(error, reference: reference, to: answer)
        }
        if !answer.isEmpty, !session.closeSent { send(answer, to: slot, session) }
        scratch.clearAnswer()
        reference = nil
        scratch.giveBack(&object)
    }

    private func reference(
        _ object: borrowing JSONObject
    ) throws(CommandError) -> ArraySlice<UInt8>? {
        guard let range = object.raw("ref") else { return nil }
        guard range.count <= limits.referenceBytesMax else {
            throw .referenceTooLarge(limit: limits.referenceBytesMax, measured: range.count)
        }
        return object.bytes[range]
    }

    mutating func send(_ answer: ByteBuffer, to slot: Int, _ session: WebSocketSession) {
        let log = output.log(.direct)
        let start = log.count
        answer.withSpan { encoder.appendText($0, windowBits: Int(session.windowBits), to: log) }
        output.owe(slot, .direct, start, log.count)
    }

    private mutating func obey(
        _ slot: Int, _ session: WebSocketSession, _ object: JSONObject,
        _ reference: ArraySlice<UInt8>?, _ answer: ByteBuffer
    ) throws(CommandError) {
        guard let operation = try object.text("op") else { throw .missing("op") }
        if operation != "publish", !admitsCommand(slot, session) {
            throw .rate(limit: limits.commandsPerSecondMax)
        }
        switch operation {
        case "subscribe": try subscribe(slot, session, object, reference, answer)
        case "unsubscribe":
            let name = try channel(object)
            guard let index = subscription(slot, to: name) else { throw .notSubscribed }
            unsubscribe(slot, index)
            connections[slot].lag?.remove(name)
            confirm(reference, answer)
        case "publish": try publish(slot, session, object, reference, answer)
        case "history": try askHistory(slot, session, object, reference)
        case "presence": try askPresence(slot, session, object, reference)
        case "connection": tellConnection(slot, reference, answer)
        case "ping": confirm(reference, answer, always: true)
        default: throw .unknownOperation(operation)
        }
    }

    private mutating func subscribe(
        _ slot: Int, _ session: WebSocketSession, _ object: JSONObject,
        _ reference: ArraySlice<UInt8>?, _ answer: ByteBuffer
    ) throws(CommandError) {
        guard connections[slot].rights.contains(.read) else { throw .notAllowed("reading") }
        let name = try channel(object)
        let start = try object.text("after").map { self.start(id: Array($0.utf8)) } ?? .now
        drainToNow()
        let position = hasPast(name, start) ? nil : id(position)
        switch subscribe(slot, name, encoding(session), from: start) {
        case .subscribed, .alreadySubscribed: break
        case .tooManyChannels: throw .tooManyChannels(limit: limits.channelsPerConnectionMax)
        case .loopFull(let bound): throw .loopFull(bound)
        }
        // The past, if it was here, is already on its way; the answer may follow it.
        guard let reference else { return }
        answer.append("{\"ok\":")
        answer.append(reference.span)
        answer.append(",\"channel\":")
        appendJSONString(name.bytes.span, to: answer)
        if let position {
            answer.append(",\"id\":\"")
            position.append(to: answer)
            answer.append("\"")
        }
        answer.append("}")
    }

    private mutating func publish(
        _ slot: Int, _ session: WebSocketSession, _ object: JSONObject,
        _ reference: ArraySlice<UInt8>?, _ answer: ByteBuffer
    ) throws(CommandError) {
        guard connections[slot].rights.contains(.publish) else { throw .notAllowed("publishing") }
        var publication = try publication(object)
        if publication.excluding == nil, connections[slot].withoutEcho {
            publication.excluding = peer(slot)
        }
        guard Int(session.acks) < limits.acksPerConnectionMax else {
            throw .publish(.busy(limit: limits.acksPerConnectionMax))
        }
        guard admitsPublish(slot) else { throw .publish(tooManyPublishes) }
        let outcome = publish(publication)
        answerPublish(slot, session, outcome, reference, answer)
    }

    /// `{"ok":R,"connection":NAME}`: a page can't read the header that says it.
    private func tellConnection(
        _ slot: Int, _ reference: ArraySlice<UInt8>?, _ answer: ByteBuffer
    ) {
        answer.append("{\"ok\":")
        if let reference { answer.append(reference.span) } else { answer.append("null") }
        answer.append(",\"connection\":\"")
        answer.append(shared.connectionNames.name(of: peer(slot)))
        answer.append("\"}")
    }

    /// The answer comes when the channel's home has told: `{"ok":R,"channel":C,"messages":[…]}`.
    private mutating func askHistory(
        _ slot: Int, _ session: WebSocketSession, _ object: JSONObject,
        _ reference: ArraySlice<UInt8>?
    ) throws(CommandError) {
        guard connections[slot].rights.contains(.read) else { throw .notAllowed("reading") }
        let name = try channel(object)
        let start = try object.text("after").map { self.start(id: Array($0.utf8)) } ?? .first
        let limit = try object.count("limit") ?? .max
        try countRecall(session)
        drainToNow()
        ask(
            RecallRequest(
                requester: peer(slot), purpose: .command(reference.map { Array($0) }), ticket: 0,
                channel: name, start: start, upTo: position, limit: limit))
    }

    /// Counts a command whose answer comes from the channel's home.
    func countRecall(_ session: WebSocketSession) throws(CommandError) {
        guard Int(session.recallCommands) < limits.recallCommandsMax else {
            throw .tooManyRecalls(limit: limits.recallCommandsMax)
        }
        session.recallCommands += 1
    }

    mutating func answerHistory(_ slot: Int, _ recall: Recall, _ reference: [UInt8]?) {
        guard case .webSocket(let session) = connections[slot].activity else { return }
        session.recallCommands -= 1
        guard !session.closeSent else { return }
        let answer = ByteBuffer()
        let owed = output.log(.direct).count
        guard owed <= limits.historyBytesPerTurnMax else {
            tally(.refused)
            appendError(
                .busy(limit: limits.historyBytesPerTurnMax, measured: owed),
                reference: reference?[...], to: answer)
            send(answer, to: slot, session)
            return
        }
        answer.append("{\"ok\":")
        if let reference { answer.append(reference.span) } else { answer.append("null") }
        answer.append(",\"channel\":")
        appendJSONString(recall.request.channel.bytes.span, to: answer)
        if recall.gap { answer.append(",\"gap\":true") }
        answer.append(",\"messages\":[")
        appendElements(recall.messages, to: answer)
        answer.append("]}")
        send(answer, to: slot, session)
    }

    private func confirm(
        _ reference: ArraySlice<UInt8>?, _ answer: ByteBuffer, always: Bool = false
    ) {
        guard reference != nil || always else { return }
        answer.append("{\"ok\":")
        if let reference { answer.append(reference.span) } else { answer.append("null") }
        answer.append("}")
    }
}
