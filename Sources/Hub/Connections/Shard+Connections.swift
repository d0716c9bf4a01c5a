// What the rim tells the shard about connections: opened, heard from, ended, blocked, writable,
// overdue.

internal import Ring
internal import Wire

extension Shard {
    /// A connection was accepted.
    ///
    /// One that is over a limit is kept, if there is room for it, until it has been told so in answer
    /// to its first request; not under TLS, where that would cost a handshake.
    ///
    /// - Parameters:
    ///   - isSecure: it is under TLS.
    ///   - address: nil for a Unix socket, and unless ``Limits/countsAddresses``.
    /// - Returns: nil when the rim is to reset it.
    package mutating func opened(isSecure: Bool, address: PeerAddress? = nil) -> Peer? {
        guard !isLeaving else { return nil }
        var passage = Passage.refused
        var refusal: Turnstile.Refusal?
        switch shared.turnstile.admit(address, nowMilliseconds: now.monotonicMilliseconds) {
        case .admitted(let counted): passage = .counted(counted)
        case .refused(let reason):
            tally(.refusedConnections)
            guard !isSecure, refusals < limits.refusalsPerLoopMax else { return nil }
            refusal = reason
        }
        guard let slot = takeSlot() else {
            if case .counted(let address) = passage { shared.turnstile.release(address) }
            tally(.refusedConnections)
            return nil
        }
        let exchange = HTTPExchange(limits: limits.http)
        exchange.refusal = refusal
        if refusal != nil { refusals += 1 }
        connections[slot].activity = .http(exchange)
        connections[slot].passage = passage
        connections[slot].isSecure = isSecure
        connections[slot].lastHeard = now.monotonicMilliseconds
        arm(
            slot,
            after: refusal == nil ? limits.headMillisecondsMax : limits.refusalMillisecondsMax)
        connectionCount += 1
        tally(.connections)
        return peer(slot)
    }

    /// Gives back what ``Turnstile`` counted.
    private mutating func release(_ slot: Int) {
        switch connections[slot].passage {
        case .none: break
        case .counted(let address): shared.turnstile.release(address)
        case .refused: refusals -= 1
        }
        connections[slot].passage = .none
    }

    /// Plaintext arrived. `bytes` is not kept.
    package mutating func received(_ peer: Peer, _ bytes: Span<UInt8>) {
        guard let slot = slot(of: peer), bytes.count > 0 else { return }
        connections[slot].lastHeard = now.monotonicMilliseconds
        bytesIn += bytes.count
        switch connections[slot].activity {
        case .none, .lingering, .stream: break
        case .http(let exchange): receivedRequestBytes(slot, exchange, bytes)
        case .webSocket(let session): receivedFrames(slot, session, bytes)
        case .poll(let poll): keepForLater(slot, poll.exchange, bytes)
        }
        limitInbound(slot)
    }

    /// The peer ended its half (`failed` false), or the connection broke.
    package mutating func ended(_ peer: Peer, failed: Bool) {
        guard let slot = slot(of: peer) else { return }
        // What was asked for before the peer ended its half is still wanted, if there is anything.
        switch connections[slot].activity {
        case .http(let exchange)
        where !failed
            && (owesAnything(slot) || exchange.awaits != nil || !exchange.carry.isEmpty):
            exchange.inputEnded = true
            endIfAnswered(slot, exchange)
        case .poll(let poll) where !failed && owesAnything(slot):
            poll.exchange.inputEnded = true
        case .webSocket(let session) where !failed && !session.carry.isEmpty:
            session.inputEnded = true
        case .lingering where !failed && owesAnything(slot):
            // Nothing of the peer's is awaited any more, but it may take what it is owed.
            arm(slot, after: 0)
        case .none, .http, .lingering, .stream, .poll, .webSocket:
            free(slot, reason: .lost)
        }
    }

    private func owesAnything(_ slot: Int) -> Bool {
        output.owes(slot) || connections[slot].lag != nil
    }

    /// Ends a connection whose peer has ended its half, once all that it asked for is answered.
    mutating func endIfAnswered(_ slot: Int, _ exchange: HTTPExchange) {
        guard exchange.inputEnded, exchange.awaits == nil, connections[slot].lag == nil,
            !continuing.contains(slot)
        else { return }
        linger(slot)
        // There is no half of the peer's left to await.
        arm(slot, after: 0)
    }

    /// The rim could not write all that was owed; it keeps the rest itself.
    ///
    /// - Parameter bytes: what it keeps now more than before.
    package mutating func blocked(_ peer: Peer, bytes: Int) {
        guard let slot = slot(of: peer) else { return }
        let lag = beginLag(slot)
        lag.rimBytes += bytes
        if !lag.isBlocked { beginBlock(slot, lag) }
        guard backlog.bytes > backlogShare else { return }
        relieveBacklog()
        closeOverfull()
    }

    private mutating func beginBlock(_ slot: Int, _ lag: Lag) {
        lag.isBlocked = true
        lag.blockedSince = now.monotonicMilliseconds
        if case .lingering = connections[slot].activity {
            // What is still to be written may take its time; the linger begins when it is out.
            arm(slot, after: limits.backlogMillisecondsMax)
            return
        }
        // The answers to commands can't wait as messages do: they are not asked for until they can
        // be sent.
        if case .webSocket(let session) = connections[slot].activity, case .v1 = session.style,
            !session.closeSent
        {
            pauseReading(slot)
        }
        let due = now.monotonicMilliseconds + limits.backlogMillisecondsMax
        if due < wheel.deadline(of: slot) ?? .max { wheel.arm(slot, atMilliseconds: due) }
    }

    /// The rim has written so many bytes of what it kept: the peer is slow, and there.
    package mutating func progressed(_ peer: Peer, bytes: Int) {
        guard let slot = slot(of: peer), let lag = connections[slot].lag, lag.isBlocked else {
            return
        }
        lag.blockedSince = now.monotonicMilliseconds
        lag.rimBytes = max(0, lag.rimBytes - bytes)
    }

    /// The rim has written all that it kept.
    package mutating func writable(_ peer: Peer) {
        guard let slot = slot(of: peer), let lag = connections[slot].lag, lag.isBlocked else {
            return
        }
        lag.isBlocked = false
        lag.rimBytes = 0
        if case .lingering = connections[slot].activity {
            arm(slot, after: limits.lingerMillisecondsMax)
            return
        }
        switch connections[slot].activity {
        case .webSocket(let session): resume(slot, session)
        case .http(let exchange): armRequest(slot, exchange)
        case .none, .stream, .poll, .lingering: break
        }
        continuing.append(slot)
    }

    private mutating func resume(_ slot: Int, _ session: WebSocketSession) {
        if session.carry.isEmpty, !session.leavesOnceAnswered { resumeReading(slot) }
        guard let pong = session.owedPong, !session.closeSent else { return }
        session.owedPong = nil
        write(slot) { WebSocketEncoder.appendFrame(.pong, payload: pong.span, to: $0) }
    }

    // MARK: - Ending

    /// Ends our half after what is owed, and awaits the peer's.
    mutating func linger(_ slot: Int) {
        // A component that was told may have published, and made room by this connection's end.
        if case .none = connections[slot].activity { return }
        unsubscribeAll(slot)
        connections[slot].activity = .lingering
        countInbound(slot)
        resumeReading(slot)
        output.order(.shutdown(peer(slot)))
        if let lag = connections[slot].lag, lag.isBlocked {
            // What is on its way out may take its time, as in `blocked`.
            lag.removeAll()
            arm(slot, after: limits.backlogMillisecondsMax)
        } else {
            endLag(slot)
            arm(slot, after: limits.lingerMillisecondsMax)
        }
    }

    /// Closes at once and gives the slot back at the end of the turn.
    mutating func free(_ slot: Int, reason: CloseReason) {
        let peer = peer(slot)
        let activity = connections[slot].activity
        if case .none = activity { return }
        unsubscribeAll(slot)
        wheel.cancel(slot)
        connections[slot].activity = .none
        countInbound(slot)
        release(slot)
        endLag(slot)
        connections[slot].rights = []
        connections[slot].user = nil
        connections[slot].withoutEcho = false
        connections[slot].readingPaused = false
        connections[slot].publishes = Meter()
        output.order(.close(peer))
        freedThisTurn.append(slot)
        connectionCount -= 1
        tally(.connections, -1)
        if case .webSocket(let session) = activity { tellClosed(peer, session, reason) }
    }

    /// The peer took too little for too long.
    mutating func closeSlow(_ slot: Int) {
        tally(.slowClosed)
        switch connections[slot].activity {
        case .webSocket(let session): closeWebSocket(slot, session, code: 1013, "slow", told: .slow)
        case .none, .http, .stream, .poll, .lingering: free(slot, reason: .slow)
        }
    }

    // MARK: - Reading

    mutating func pauseReading(_ slot: Int) {
        guard !connections[slot].readingPaused else { return }
        connections[slot].readingPaused = true
        output.order(.pauseReading(peer(slot)))
    }

    mutating func resumeReading(_ slot: Int) {
        guard connections[slot].readingPaused else { return }
        connections[slot].readingPaused = false
        output.order(.resumeReading(peer(slot)))
    }

    // MARK: - Deadlines

    mutating func meetDeadlines() {
        expired.removeAll(keepingCapacity: true)
        wheel.advance(toMilliseconds: now.monotonicMilliseconds, expired: &expired)
        let due = expired
        for slot in due { deadlinePassed(slot) }
    }

    private mutating func deadlinePassed(_ slot: Int) {
        if let lag = connections[slot].lag, lag.isBlocked {
            let due = lag.blockedSince + limits.backlogMillisecondsMax
            if now.monotonicMilliseconds >= due {
                tally(.slowClosed)
                free(slot, reason: .slow)
                return
            }
            switch connections[slot].activity {
            case .http, .lingering:
                // Neither the next request nor the linger has a time limit while the answer to the
                // last request is on its way.
                wheel.arm(slot, atMilliseconds: due)
                return
            case .none, .stream, .poll, .webSocket: break
            }
        }
        switch connections[slot].activity {
        case .none: break
        case .lingering: free(slot, reason: .server)
        case .http(let exchange): requestOverdue(slot, exchange)
        case .poll(let poll): answerNothing(slot, poll)
        case .webSocket(let session): webSocketHeartbeat(slot, session)
        case .stream(let form): streamHeartbeat(slot, form)
        }
    }

    /// The next heartbeat, up to a fifth early so that connections made together drift apart.
    mutating func armHeartbeat(_ slot: Int) {
        let interval = limits.heartbeatMilliseconds
        var due = now.monotonicMilliseconds + interval - jitter.next(below: interval / 5)
        if let lag = connections[slot].lag, lag.isBlocked {
            due = min(due, lag.blockedSince + limits.backlogMillisecondsMax)
        }
        wheel.arm(slot, atMilliseconds: due)
    }
}
