// WebSocket connections (RFC 6455): the handshake, what frames do, heartbeats and closing.

internal import Bytes
internal import Deflate
internal import Ring
internal import Signatures
internal import Wire

extension Shard {
    enum WebSocketTarget {
        case channels([ChannelName])
        case connect
        case component(Int)
    }

    /// How long the peer has for its close frame, milliseconds.
    private static let closeMillisecondsMax: UInt64 = 5_000

    // MARK: - Handshake

    /// Answers the opening handshake (RFC 6455 §4.2).
    mutating func openWebSocket(
        _ slot: Int, _ head: RequestHead, _ target: WebSocketTarget
    ) {
        guard let accept = handshake(slot, head) else { return }
        let protocols = head.values("Sec-WebSocket-Protocol")
        let speaksV1 =
            WebSocketHandshake.subprotocol(
                offered: protocols, supported: ["carillon.v1"]) != nil
        let style: WebSocketSession.Style
        var names: [ChannelName] = []
        switch target {
        case .connect:
            guard speaksV1 else {
                respondProblem(
                    slot, head, .badRequest,
                    "/connect speaks the subprotocol carillon.v1; the client did not offer it")
                return
            }
            style = .v1
        case .channels(let channels):
            style = speaksV1 ? .v1 : .raw
            names = channels
        case .component(let index): style = .component(UInt16(index))
        }
        let agreement = PermessageDeflate.negotiate(head.values("Sec-WebSocket-Extensions"))
        var isV1 = false
        if case .v1 = style { isV1 = true }
        respondSwitching(slot, accept, isV1: isV1, agreement)
        let session = WebSocketSession(
            decoder: WebSocketDecoder(
                role: .server, messageBytesMax: limits.messageBytesMax,
                compression: agreement != nil),
            style: style, windowBits: agreement?.serverWindowBits ?? 0)
        connections[slot].activity = .webSocket(session)
        connections[slot].withoutEcho = head.queryValue("echo") == Array("0".utf8)
        armHeartbeat(slot)
        follow(slot, session, names, start(head))
        if case .component(let index) = target { tellOpened(slot, index, head) }
    }

    /// The value for `Sec-WebSocket-Accept`, or nil after a refusal.
    private mutating func handshake(_ slot: Int, _ head: RequestHead) -> String? {
        guard head.wantsUpgrade(to: "websocket") else {
            respondProblem(
                slot, head, .upgradeRequired, "this resource is a WebSocket",
                fields: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")])
            return nil
        }
        guard head.values("Sec-WebSocket-Version") == ["13"] else {
            respondProblem(
                slot, head, .upgradeRequired, "only version 13 is spoken (RFC 6455)",
                fields: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")])
            return nil
        }
        let keys = head.values("Sec-WebSocket-Key")
        guard keys.count == 1, let input = WebSocketHandshake.bytesToHash(key: keys[0].utf8.span)
        else {
            respondProblem(
                slot, head, .badRequest, "Sec-WebSocket-Key is not the base64 of 16 bytes")
            return nil
        }
        // A field that breaks the grammar fails the handshake; an offer that asks too much is only
        // declined (RFC 6455 §9.1).
        guard WebSocketExtensionOffer.parse(head.values("Sec-WebSocket-Extensions")) != nil else {
            respondProblem(
                slot, head, .badRequest, "Sec-WebSocket-Extensions does not parse")
            return nil
        }
        return base64(sha1(input.span).span)
    }

    private mutating func respondSwitching(
        _ slot: Int, _ accept: String, isV1: Bool, _ agreement: PermessageDeflate.Agreement?
    ) {
        let name = shared.connectionNames.name(of: peer(slot))
        write(slot) { log in
            log.append("HTTP/1.1 101 Switching Protocols\r\n")
            log.append("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
            log.append(utf8: accept)
            log.append("\r\nCarillon-Connection: ")
            log.append(name)
            if isV1 { log.append("\r\nSec-WebSocket-Protocol: carillon.v1") }
            if let agreement {
                log.append("\r\nSec-WebSocket-Extensions: ")
                log.append(utf8: agreement.responseValue)
            }
            log.append("\r\n\r\n")
        }
    }

    private mutating func follow(
        _ slot: Int, _ session: WebSocketSession, _ names: [ChannelName], _ start: Start
    ) {
        drainToNow()
        switch subscribe(slot, names, encoding(session), from: start) {
        case .subscribed, .alreadySubscribed: break
        case .tooManyChannels:
            closeWebSocket(
                slot, session, code: WebSocketCloseCode.policyViolation,
                "at most \(limits.channelsPerConnectionMax) channels on one connection")
        case .loopFull(let bound):
            closeWebSocket(
                slot, session, code: WebSocketCloseCode.tryAgainLater, bound.detail)
        }
    }

    func encoding(_ session: WebSocketSession) -> Encoding {
        switch session.style {
        case .raw, .component: Encoding(.rawFrame, windowBits: Int(session.windowBits))
        case .v1: Encoding(.envelopeFrame, windowBits: Int(session.windowBits))
        }
    }

    // MARK: - Frames

    mutating func receivedFrames(
        _ slot: Int, _ session: WebSocketSession, _ bytes: Span<UInt8>
    ) {
        if session.carry.isEmpty {
            readFrames(slot, session, bytes)
        } else {
            keepFrames(slot, session, bytes)
        }
    }

    /// Goes on with what was read before.
    mutating func continueFrames(_ slot: Int, _ session: WebSocketSession) {
        // Until then it is asked again when there is room, or when the past is told.
        guard !commandsWait(slot, session) else { return }
        var carried: [UInt8] = []
        swap(&carried, &session.carry)
        readFrames(slot, session, carried.span)
        guard case .webSocket = connections[slot].activity, session.carry.isEmpty else { return }
        if session.inputEnded {
            free(slot, reason: .lost)
        } else if connections[slot].lag?.isBlocked != true {
            resumeReading(slot)
        }
    }

    private mutating func keepFrames(
        _ slot: Int, _ session: WebSocketSession, _ bytes: Span<UInt8>
    ) {
        append(bytes, to: &session.carry)
        pauseReading(slot)
    }

    /// The answers to commands can't be sent at present, or much of the past that was asked for is
    /// still to be: a command costs a client little and its answer the gateway much. Or it is to
    /// leave, and may publish no more.
    private func commandsWait(_ slot: Int, _ session: WebSocketSession) -> Bool {
        guard case .v1 = session.style, !session.closeSent else { return false }
        if session.leavesOnceAnswered { return true }
        guard let lag = connections[slot].lag else { return false }
        return lag.isBlocked || lag.count > limits.catchUpMessagesMax
    }

    private mutating func readFrames(
        _ slot: Int, _ session: WebSocketSession, _ bytes: Span<UInt8>
    ) {
        var offset = 0
        var frames = 0
        var taken = 0
        do throws(WebSocketError) {
            while case .webSocket = connections[slot].activity {
                let isEnough =
                    frames >= limits.framesPerTurnMax || taken >= limits.frameBytesPerTurnMax
                if offset < bytes.count, isEnough || commandsWait(slot, session) {
                    keepFrames(slot, session, bytes.extracting(offset..<bytes.count))
                    if isEnough { continuing.append(slot) }
                    return
                }
                guard let event = try nextEvent(session, bytes, &offset) else { return }
                taken += try received(slot, session, event)
                frames += 1
            }
        } catch {
            tally(.errors)
            // What the peer published before is owed to it, too, if it follows its own channel.
            drainRing()
            guard case .webSocket = connections[slot].activity else { return }
            closeWebSocket(slot, session, code: error.closeCode, error.detail)
            tellError(slot, session, .protocolViolation(error.detail))
            tellClosed(peer(slot), session, .server)
            linger(slot)
        }
    }

    /// A command is read and forgotten; what others send may be kept.
    private mutating func nextEvent(
        _ session: WebSocketSession, _ bytes: Span<UInt8>, _ offset: inout Int
    ) throws(WebSocketError) -> WebSocketDecoder.Event? {
        guard case .v1 = session.style else {
            return try session.decoder.next(bytes, from: &offset)
        }
        return try session.decoder.next(
            bytes, from: &offset, reusing: &scratch.commandBytes)
    }

    /// - Returns: bytes of message that it brought.
    private mutating func received(
        _ slot: Int, _ session: WebSocketSession, _ event: WebSocketDecoder.Event
    ) throws(WebSocketError) -> Int {
        switch event {
        case .message(let isText, let payload, let compressed):
            session.unfinishedBefore = .max
            guard !session.closeSent else { return 0 }
            let plain = compressed ? try inflated(payload, isText: isText) : payload
            receivedMessage(slot, session, isText: isText, plain)
            return plain.count
        case .ping(let payload):
            guard !session.closeSent else { return 0 }
            if let lag = connections[slot].lag, lag.isBlocked {
                session.owedPong = payload
            } else {
                write(slot) { WebSocketEncoder.appendFrame(.pong, payload: payload.span, to: $0) }
            }
        case .pong: break
        case .close(let code, let reason):
            if !session.closeSent {
                session.closeSent = true
                // The same code goes back (RFC 6455 §5.5.1).
                write(slot) { WebSocketEncoder.appendClose(code: code, to: $0) }
            }
            tellClosed(peer(slot), session, .peer(code: code, reason: reason))
            linger(slot)
        }
        return 0
    }

    private mutating func inflated(
        _ payload: [UInt8], isText: Bool
    ) throws(WebSocketError) -> [UInt8] {
        if inflater == nil { inflater = Inflater() }
        let plain: [UInt8]
        do throws(InflateError) {
            plain = try inflater!.inflateMessage(payload.span, limit: limits.messageBytesMax)
        } catch {
            switch error {
            case .tooLarge(let limit): throw .inflatedMessageTooLarge(limit: limit)
            case .corrupt: throw .corruptCompressedData
            }
        }
        if isText, !isValidUTF8(plain.span) { throw .invalidUTF8 }
        return plain
    }

    private mutating func receivedMessage(
        _ slot: Int, _ session: WebSocketSession, isText: Bool, _ payload: [UInt8]
    ) {
        switch session.style {
        case .raw: publishRaw(slot, session, isText: isText, payload)
        case .v1: obey(slot, session, payload)
        case .component(let index): tellMessage(slot, Int(index), isText: isText, payload)
        }
    }

    private mutating func publishRaw(
        _ slot: Int, _ session: WebSocketSession, isText: Bool, _ payload: [UInt8]
    ) {
        // The first that its URL names: it leaves none before it ends.
        guard connections[slot].rights.contains(.publish),
            let followed = connections[slot].subscriptions.first
        else {
            closeWebSocket(slot, session, code: 1008, "publishing needs an API key")
            return
        }
        guard admitsPublish(slot) else {
            // What it published before is owed to it, too, if it follows its own channel.
            drainRing()
            guard case .webSocket = connections[slot].activity else { return }
            let error = tooManyPublishes
            closeWebSocket(slot, session, code: error.closeCode, error.detail)
            return
        }
        let publication = Publication(
            channel: channels[Int(followed.channel)].name, kind: isText ? .text : .binary,
            payload: payload,
            excluding: connections[slot].withoutEcho ? peer(slot) : nil)
        switch publish(publication) {
        case .published, .pending, .skipped: break
        case .refused(let error): closeWebSocket(slot, session, code: error.closeCode, error.detail)
        }
    }

    // MARK: - Heartbeat and close

    mutating func webSocketHeartbeat(_ slot: Int, _ session: WebSocketSession) {
        let heard = connections[slot].lastHeard
        let isBlocked = connections[slot].lag?.isBlocked == true
        let isSilent = now.monotonicMilliseconds - heard >= limits.silenceMillisecondsMax
        // Asked before this loop stood still: the answer may have come, and not have been read yet.
        let sinceAsked = now.monotonicMilliseconds - session.askedAt
        let isLate = !isBlocked && sinceAsked > 2 * limits.heartbeatMilliseconds
        if session.closeSent || (isSilent && session.askedAt > heard && !isLate) {
            free(slot, reason: .lost)
            return
        }
        if isStalled(slot, session) { return }
        if !isBlocked {
            write(slot) { WebSocketEncoder.appendFrame(.ping, payload: [UInt8]().span, to: $0) }
            session.askedAt = now.monotonicMilliseconds
        }
        armHeartbeat(slot)
    }

    /// Closes a connection whose message has begun and does not come.
    private mutating func isStalled(_ slot: Int, _ session: WebSocketSession) -> Bool {
        // What waits in `carry` has come, and it is not the peer that is late.
        guard session.carry.isEmpty, session.decoder.isUnfinished else {
            session.unfinishedBefore = .max
            return false
        }
        let now = session.decoder.unfinishedBytes
        let before = Int(session.unfinishedBefore)
        guard session.unfinishedBefore != .max, now - before < limits.progressBytesMin else {
            session.unfinishedBefore = UInt32(clamping: min(now, Int(UInt32.max) - 1))
            return false
        }
        closeWebSocket(
            slot, session, code: WebSocketCloseCode.policyViolation,
            "\(now - before) bytes of a message between two heartbeats; "
                + "at least \(limits.progressBytesMin)")
        tellClosed(peer(slot), session, .server)
        // In the middle of a message no close frame can come.
        linger(slot)
        return true
    }

    /// Sends a close frame and awaits the peer's. What waits for this connection is dropped.
    ///
    /// - Parameter told: what a component is told once the connection has ended.
    mutating func closeWebSocket(
        _ slot: Int, _ session: WebSocketSession, code: UInt16, _ reason: String,
        told: WebSocketSession.Ending = .server
    ) {
        guard !session.closeSent else { return }
        session.closeSent = true
        session.ending = told
        unsubscribeAll(slot)
        // The peer's close frame is to be seen.
        resumeReading(slot)
        if let lag = connections[slot].lag {
            if lag.isBlocked { lag.removeAll() } else { endLag(slot) }
        }
        // It may be there already, behind frames that waited.
        if !session.carry.isEmpty { continuing.append(slot) }
        write(slot) { WebSocketEncoder.appendClose(code: code, reason: reason, to: $0) }
        arm(slot, after: Shard.closeMillisecondsMax)
    }
}
