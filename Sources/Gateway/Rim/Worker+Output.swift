// A turn's output: one write per connection, then the orders about them.

internal import Bytes
internal import Hub
internal import Loops
internal import Ring
internal import TLS

extension Worker {
    /// Carries out a turn.
    func flush(_ turn: inout TurnOutput) {
        vectors.prepare(turn)
        for entry in turn.dirty {
            let slot = Int(entry.slot)
            let run = turn.runs[Int(entry.firstRun)]
            if endpoints[slot].isDirect, run.next < 0 {
                // The common case: one stretch of one log, and nothing in its way.
                let bytes = vectors.bytes(of: run)
                let written = endpoints[slot].stream.write(bytes)
                bytesOut += max(written, 0)
                if written == bytes.count { continue }
                keep(endpoints[slot].peer, after: written, of: vectors.fill(with: bytes))
            } else if let tls = endpoints[slot].tls {
                encrypt(endpoints[slot].peer, tls, turn, entry.firstRun)
            } else {
                write(endpoints[slot].peer, turn, entry.firstRun)
            }
        }
        for command in turn.commands { carryOut(command) }
        if bytesOut > 0 {
            shared.counters.add(index, .bytesOut, bytesOut)
            bytesOut = 0
        }
    }

    private func write(_ peer: Peer, _ turn: borrowing TurnOutput, _ firstRun: Int32) {
        var next = firstRun
        while next >= 0 { send(peer, vectors.fill(from: &next, turn)) }
    }

    private func encrypt(
        _ peer: Peer, _ tls: TLSEngine, _ turn: borrowing TurnOutput, _ firstRun: Int32
    ) {
        guard tls.isHandshakeDone else { return }
        let run = turn.runs[Int(firstRun)]
        let bytes = run.next < 0 ? vectors.bytes(of: run) : gathered(turn, firstRun)
        do {
            try tls.send(bytes)
        } catch {
            shard.ended(peer, failed: true)
        }
        sendCiphertext(peer)
    }

    /// A chain's bytes in one piece, good until the next call: several short runs make one record
    /// instead of one each.
    private func gathered(
        _ turn: borrowing TurnOutput, _ firstRun: Int32
    ) -> UnsafeRawBufferPointer {
        gather.removeAll(keeping: 1 << 20)
        var next = firstRun
        while next >= 0 {
            let run = turn.runs[Int(next)]
            gather.append(copying: vectors.bytes(of: run).assumingMemoryBound(to: UInt8.self))
            next = run.next
        }
        return UnsafeRawBufferPointer(start: gather.base, count: gather.count)
    }

    func sendCiphertext(_ peer: Peer) {
        let ciphertext = tlsLoop.outgoing
        guard !ciphertext.isEmpty else { return }
        let bytes = UnsafeRawBufferPointer(start: ciphertext.base, count: ciphertext.count)
        send(peer, vectors.fill(with: bytes))
        ciphertext.removeAll(keeping: 1 << 20)
    }

    /// Writes what the vectors hold, unless something waits before it.
    private func send(_ peer: Peer, _ total: Int) {
        var written = 0
        if endpoints[peer.slot].unsent == nil {
            written = endpoints[peer.slot].stream.write(vectors.filled)
            bytesOut += max(written, 0)
        }
        if written != total { keep(peer, after: written, of: total) }
    }

    /// The kernel has taken part of what the vectors hold, or the stream has failed.
    private func keep(_ peer: Peer, after written: Int, of total: Int) {
        guard written >= 0 else { return shard.ended(peer, failed: true) }
        let unsent = endpoints[peer.slot].unsent ?? Unsent(minimumCapacity: total - written)
        vectors.copy(from: written, to: unsent.room())
        endpoints[peer.slot].unsent = unsent
        watch(peer)
        shard.blocked(peer, bytes: total - written)
    }

    private func carryOut(_ command: Command) {
        switch command {
        case .shutdown(let peer): if isOpen(peer) { shutdown(peer) }
        case .close(let peer): if isOpen(peer) { close(peer) }
        case .pauseReading(let peer): if isOpen(peer) { endpoints[peer.slot].isPaused = true }
        case .resumeReading(let peer):
            guard isOpen(peer) else { return }
            endpoints[peer.slot].isPaused = false
            watch(peer)
        }
    }

    private func shutdown(_ peer: Peer) {
        if let tls = endpoints[peer.slot].tls, tls.isHandshakeDone {
            tls.startClose()
            sendCiphertext(peer)
        }
        if let unsent = endpoints[peer.slot].unsent {
            unsent.wantsShutdown = true
        } else {
            endpoints[peer.slot].stream.shutdown()
        }
    }

    private func close(_ peer: Peer) {
        let stream = endpoints[peer.slot].stream
        endpoints[peer.slot] = Endpoint()
        loop.close(stream)
    }
}
