// Calling components, and doing what they ask.

internal import Ring
internal import Wire

extension Shard {
    mutating func tellOpened(_ slot: Int, _ component: Int, _ head: RequestHead) {
        let peer = peer(slot)
        var out = Outbox()
        components[component].onOpen(peer, RequestView(head: head), &out)
        carryOut(out, component)
    }

    mutating func tellMessage(_ slot: Int, _ component: Int, isText: Bool, _ payload: [UInt8]) {
        let peer = peer(slot)
        var out = Outbox()
        components[component].onMessage(peer, MessageView(isText: isText, bytes: payload), &out)
        carryOut(out, component)
    }

    /// Tells the component, once, that its peer is gone.
    mutating func tellClosed(_ peer: Peer, _ session: WebSocketSession, _ reason: CloseReason) {
        guard case .component(let component) = session.style, !session.closeTold else { return }
        session.closeTold = true
        var out = Outbox()
        let told: CloseReason =
            switch session.ending {
            case .none: reason
            case .server: .server
            case .slow: .slow
            }
        components[Int(component)].onClose(peer, told, &out)
        carryOut(out, Int(component))
    }

    mutating func tellError(_ slot: Int, _ session: WebSocketSession, _ error: PeerError) {
        guard case .component(let component) = session.style, !session.closeTold else { return }
        tellError(peer(slot), Int(component), error)
    }

    private mutating func tellError(_ peer: Peer, _ component: Int, _ error: PeerError) {
        var out = Outbox()
        components[component].onError(peer, error, &out)
        // What an error's handler asks for is not allowed to fail into the handler again.
        for wish in out.wishes { _ = carryOut(wish) }
    }

    private mutating func carryOut(_ out: Outbox, _ component: Int) {
        for wish in out.wishes {
            if let (peer, error) = carryOut(wish) { tellError(peer, component, error) }
        }
    }

    /// - Returns: whose wish could not be carried out, and why.
    private mutating func carryOut(_ wish: Outbox.Wish) -> (Peer, PeerError)? {
        switch wish {
        case .subscribe(let peer, let channel): subscribe(peer, to: channel)
        case .unsubscribe(let peer, let channel):
            unsubscribe(peer, from: channel)
        case .publish(let isText, let bytes, let channel, let except):
            publish(bytes, isText: isText, to: channel, except: except)
        case .send(let peer, let isText, let bytes):
            deliver(bytes, isText: isText, to: peer)
        case .close(let peer, let code, let reason):
            close(peer, code: code, reason: reason)
        }
    }

    private mutating func subscribe(_ peer: Peer, to channel: String) -> (Peer, PeerError)? {
        guard let slot = slot(of: peer), case .webSocket(let session) = connections[slot].activity,
            !session.closeSent
        else { return nil }
        switch channelName(channel.utf8.span) {
        case .failure(let error): return (peer, .badChannel(error.detail))
        case .success(let name):
            drainToNow()
            switch subscribe(slot, name, encoding(session), from: .now) {
            case .subscribed, .alreadySubscribed: return nil
            case .tooManyChannels:
                return (peer, .tooManyChannels(limit: limits.channelsPerConnectionMax))
            case .loopFull(let bound):
                return (peer, .tooManyChannels(limit: bound.limit))
            }
        }
    }

    private mutating func unsubscribe(
        _ peer: Peer, from channel: String
    ) -> (Peer, PeerError)? {
        guard let slot = slot(of: peer),
            case .success(let name) = channelName(channel.utf8.span),
            let index = subscription(slot, to: name)
        else { return nil }
        unsubscribe(slot, index)
        connections[slot].lag?.remove(name)
        return nil
    }

    private mutating func publish(
        _ bytes: [UInt8], isText: Bool, to channel: String, except: Peer?
    ) -> (Peer, PeerError)? {
        let asker = except ?? Peer(raw: 0)
        switch channelName(channel.utf8.span) {
        case .failure(let error): return (asker, .badChannel(error.detail))
        case .success(let name):
            let publication = Publication(
                channel: name, kind: isText ? .text : .binary, payload: bytes, excluding: except)
            switch publish(publication) {
            case .published, .pending, .skipped: return nil
            case .refused(.tooLarge(let limit, _)): return (asker, .tooLarge(limit: limit))
            case .refused: return (asker, .notPublished)
            }
        }
    }

    private mutating func deliver(
        _ bytes: [UInt8], isText: Bool, to peer: Peer
    ) -> (Peer, PeerError)? {
        guard peer.loop != index else {
            send(bytes, text: isText, to: peer)
            return nil
        }
        guard peer.loop < shared.mailboxes.count,
            post(.send(peer, text: isText, bytes), to: peer.loop)
        else { return (peer, .notPublished) }
        return nil
    }

    // MARK: - One peer

    /// Sends one frame to a peer of this loop. A peer that takes too little is closed as slow.
    mutating func send(_ bytes: [UInt8], text: Bool, to peer: Peer) {
        guard let slot = slot(of: peer), case .webSocket(let session) = connections[slot].activity,
            !session.closeSent
        else { return }
        if let lag = connections[slot].lag {
            guard lag.verdict == .none else { return }
            lag.append(bytes, isText: text, now: now.monotonicMilliseconds)
            boundBacklog(slot, lag)
            closeOverfull()
            return
        }
        write(slot) {
            WebSocketEncoder.appendFrame(
                text ? .text : .binary, payload: bytes.span, to: $0)
        }
    }

    @discardableResult
    mutating func close(_ peer: Peer, code: UInt16, reason: String) -> (Peer, PeerError)? {
        guard peer.loop == index else {
            if peer.loop < shared.mailboxes.count {
                _ = post(.close(peer, code: code, reason: Array(reason.utf8)), to: peer.loop)
            }
            return nil
        }
        guard let slot = slot(of: peer), case .webSocket(let session) = connections[slot].activity
        else { return nil }
        closeWebSocket(slot, session, code: code, reason)
        tellClosed(peer, session, .server)
        return nil
    }
}
