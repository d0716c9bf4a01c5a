// What happens on a loop, told to its shard.

internal import Bytes
internal import Hub
internal import Loops
internal import TLS

extension Worker {
    func accepted(_ stream: Stream, listener: Int) {
        shard.setTime(instant)
        let kind = kinds[listener]
        let address = countsAddresses ? peerAddress(of: stream) : nil
        guard let peer = shard.opened(isSecure: kind.tls != nil, address: address) else {
            loop.close(stream, reset: true)
            return
        }
        while endpoints.count <= peer.slot { endpoints.append(Endpoint()) }
        endpoints[peer.slot] = Endpoint(peer: peer, stream: stream)
        if let context = kind.tls {
            guard let engine = try? TLSEngine(context: context, loop: tlsLoop, role: .server) else {
                shard.ended(peer, failed: true)
                return
            }
            endpoints[peer.slot].tls = engine
        }
        watch(peer)
    }

    func readable(_ token: UInt64) {
        let peer = Peer(raw: token)
        guard isOpen(peer) else { return }
        guard endpoints[peer.slot].wanted.contains(.reading) else { return watch(peer) }
        shard.setTime(instant)
        switch loop.read(endpoints[peer.slot].stream) {
        case .bytes(let bytes):
            if let tls = endpoints[peer.slot].tls {
                decrypt(peer, tls, UnsafeRawBufferPointer(bytes))
            } else {
                let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                shard.received(peer, UnsafeBufferPointer(start: start, count: bytes.count).span)
            }
        case .nothing: break
        case .end:
            endpoints[peer.slot].hasEnded = true
            shard.ended(peer, failed: false)
        case .failure: shard.ended(peer, failed: true)
        }
    }

    private func decrypt(_ peer: Peer, _ tls: TLSEngine, _ bytes: UnsafeRawBufferPointer) {
        plaintext.removeAll(keeping: Worker.plaintextBytesKept)
        let outcome = tls.receive(bytes, plaintext: plaintext)
        sendCiphertext(peer)
        if !plaintext.isEmpty { plaintext.withSpan { shard.received(peer, $0) } }
        switch outcome {
        case .open: break
        case .closed: shard.ended(peer, failed: false)
        case .failed: shard.ended(peer, failed: true)
        }
    }

    func writable(_ token: UInt64) {
        let peer = Peer(raw: token)
        guard isOpen(peer) else { return }
        guard let unsent = endpoints[peer.slot].unsent else { return watch(peer) }
        shard.setTime(instant)
        let stream = endpoints[peer.slot].stream
        let written = unsent.write(to: stream)
        bytesOut += max(written, 0)
        if written < 0 {
            shard.ended(peer, failed: true)
        } else if unsent.isEmpty {
            endpoints[peer.slot].unsent = nil
            watch(peer)
            if unsent.wantsShutdown { stream.shutdown() }
            shard.writable(peer)
        } else if case let progress = unsent.takeProgress(), progress > 0 {
            shard.progressed(peer, bytes: progress)
        }
    }

    func timerFired() {}

    func wokenUp() {}

    /// Has the loop watch for what is wanted of a peer by now.
    func watch(_ peer: Peer) {
        let endpoint = endpoints[peer.slot]
        let wanted = endpoint.wanted
        if loop.watch(endpoint.stream, token: peer.raw, for: wanted, insteadOf: endpoint.watched) {
            endpoints[peer.slot].watched = wanted
        } else {
            shard.ended(peer, failed: true)
        }
    }

    /// Whether the peer is connected still: its slot may have another by now.
    func isOpen(_ peer: Peer) -> Bool { endpoints[peer.slot].peer == peer }
}

/// What the limits count a connection as; nil for a Unix socket, and for a peer that is gone.
private func peerAddress(of stream: Stream) -> PeerAddress? {
    switch stream.peerHost {
    case .ipv4(let address): PeerAddress(ipv4: address)
    case .ipv6(let high, let low): PeerAddress(ipv6: high, low)
    case nil: nil
    }
}
