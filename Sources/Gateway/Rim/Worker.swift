// One loop with its shard: events in, turns, writes out. Everything here happens on the loop's own
// thread.

internal import Bytes
internal import Hub
internal import Loops
internal import Ring
internal import TLS
private import Glibc

/// What a listener's connections are.
struct ListenerKind: Sendable {
    /// Present for TLS.
    var tls: TLSContext?
}

/// Ties one loop, its TLS engines and its shard together.
///
/// The turn is the unit of batching: read all, decide all, drain the ring, one write per
/// connection, sleep.
final class Worker: LoopEvents {
    let index: Int
    let loop: Loop
    let shared: Shared
    let control: Control
    private var shard: Shard
    private var endpoints: [Endpoint] = []
    private let kinds: [ListenerKind]
    /// Otherwise the kernel is not asked for them.
    private let countsAddresses: Bool
    private let vectors = WriteVectors()
    private let tlsLoop = TLSLoop()
    private let plaintext = ByteBuffer(minimumCapacity: 64 << 10)
    private let gather = ByteBuffer(minimumCapacity: 16 << 10)
    /// Unix time minus the loop's time, milliseconds; taken anew each turn.
    private var unixOffset: UInt64 = 0
    /// Written in this turn.
    private var bytesOut = 0

    /// TLS plaintext held for one connection's read, kept between reads.
    private static let plaintextBytesKept = 64 << 10

    init(
        index: Int, loop: Loop, shared: Shared, control: Control, kinds: [ListenerKind],
        components: [(path: String, component: any MessageComponent)],
        restored: [Restored], seed: UInt64
    ) {
        self.index = index
        self.loop = loop
        self.shared = shared
        self.control = control
        self.kinds = kinds
        countsAddresses = shared.settings.limits.countsAddresses
        let now = Instant(monotonicMilliseconds: loop.now, unixMilliseconds: unixMilliseconds())
        shard = Shard(
            index: index, shared: shared, components: components, now: now, seed: seed)
        for past in restored { shard.restore(past) }
    }

    // MARK: - Turns

    /// Turns the loop until it is told to stop and the connections of all loops are gone.
    func run(_ listeners: [(Listener, tag: Int)]) {
        loop.setEvents(self)
        for (listener, tag) in listeners {
            do {
                try loop.listen(listener, tag: tag)
            } catch {
                // It is bound and listening already; only libuv's own bookkeeping can fail here.
                fatalError("a listener was refused by its loop: \(error)")
            }
        }
        var turn = TurnOutput()
        var isLeaving = false
        var hasLeft = false
        while true {
            tellTime()
            control.noteTurn(index)
            if control.isStopping, !isLeaving {
                isLeaving = true
                leave()
            }
            let started = monotonicMicroseconds()
            shard.work()
            shard.exchange(&turn)
            wake(turn.calls)
            flush(&turn)
            turn.clear()
            shard.endTurn(tookMicroseconds: monotonicMicroseconds() - started)
            if shard.hasLeft, !hasLeft {
                hasLeft = true
                control.noteLeft()
            }
            // Channels live here whose past the connections of other loops may ask for.
            if control.haveAllLeft { break }
            loop.arm(timerAtMilliseconds: shard.nextDeadline)
            turnLoop()
        }
        for endpoint in endpoints { endpoint.connection?.stream.close() }
        shard.end()
        loop.close()
    }

    /// Waits for events unless there is work already.
    private func turnLoop() {
        if shard.hasWork {
            loop.turn(block: false)
            return
        }
        shared.sleepers.announceSleep(index, leavesMessages: shard.leavesMessages)
        // Published between the last drain and the announcement: nobody will wake this loop for it.
        loop.turn(block: !shard.hasWork)
        shared.sleepers.awake(index)
    }

    private func tellTime() {
        unixOffset = unixMilliseconds() &- loop.now
        shard.setTime(instant)
    }

    /// The loop's time, which libuv takes anew before it calls back.
    private var instant: Instant {
        let now = loop.now
        return Instant(monotonicMilliseconds: now, unixMilliseconds: now &+ unixOffset)
    }

    private func wake(_ calls: Calls) {
        guard !calls.isEmpty else { return }
        shared.sleepers.take(calls, except: index) { control.wake($0) }
    }

    private func leave() {
        for tag in kinds.indices { loop.stopListening(tag: tag) }
        shard.leave(withinMilliseconds: control.drainMilliseconds)
    }

    // MARK: - Events

    func accepted(_ stream: Stream, listener: Int) {
        shard.setTime(instant)
        let kind = kinds[listener]
        let address = countsAddresses ? peerAddress(of: stream) : nil
        guard let peer = shard.opened(isSecure: kind.tls != nil, address: address) else {
            stream.close(reset: true)
            return
        }
        stream.token = peer.raw
        let slot = peer.slot
        while endpoints.count <= slot { endpoints.append(Endpoint()) }
        let engine = kind.tls.flatMap { context in
            try? TLSEngine(context: context, loop: tlsLoop, role: .server)
        }
        endpoints[slot] = Endpoint(
            directDescriptor: kind.tls == nil ? stream.descriptor : -1,
            connection: RimConnection(stream: stream, peer: peer, tls: engine))
        if kind.tls != nil, engine == nil {
            shard.ended(peer, failed: true)
        } else {
            stream.setUnacknowledgedMax(
                milliseconds: shared.settings.limits.unacknowledgedMillisecondsMax)
            stream.startReading()
        }
    }

    func received(_ token: UInt64, _ bytes: UnsafeMutableRawBufferPointer) {
        shard.setTime(instant)
        let peer = Peer(raw: token)
        guard let connection = connection(of: peer) else { return }
        if let tls = connection.tls {
            decrypt(connection, tls, bytes)
        } else {
            let span = UnsafeBufferPointer(
                start: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), count: bytes.count
            ).span
            shard.received(peer, span)
        }
        // At once: the shard's order comes at the turn's end, and there may be more to read.
        if !shard.takesInput(peer) { connection.stream.stopReading() }
    }

    private func decrypt(
        _ connection: RimConnection, _ tls: TLSEngine, _ bytes: UnsafeMutableRawBufferPointer
    ) {
        plaintext.removeAll(keeping: Worker.plaintextBytesKept)
        let outcome = tls.receive(UnsafeRawBufferPointer(bytes), plaintext: plaintext)
        sendCiphertext(connection)
        if !plaintext.isEmpty { plaintext.withSpan { shard.received(connection.peer, $0) } }
        switch outcome {
        case .open: break
        case .closed: shard.ended(connection.peer, failed: false)
        case .failed: shard.ended(connection.peer, failed: true)
        }
    }

    func ended(_ token: UInt64, error: Int32) {
        shard.setTime(instant)
        shard.ended(Peer(raw: token), failed: error != 0)
    }

    func drained(_ token: UInt64, error: Int32) {
        shard.setTime(instant)
        let peer = Peer(raw: token)
        guard let connection = connection(of: peer) else { return }
        if error != 0 {
            shard.ended(peer, failed: true)
            return
        }
        let written = connection.takeWritten()
        if connection.queued != nil {
            queueNext(connection)
            shard.progressed(peer, bytes: written)
        } else if let pending = connection.pending {
            connection.pending = nil
            queue(connection, pending)
            shard.progressed(peer, bytes: written)
        } else {
            connection.isBlocked = false
            if connection.tls == nil {
                endpoints[peer.slot].directDescriptor = connection.stream.descriptor
            }
            if connection.wantsShutdown { connection.stream.shutdown() }
            shard.writable(peer)
        }
    }

    func timerFired() {}

    func wokenUp() {}

    // MARK: - Output

    /// Carries out a turn: one write per connection, then the orders.
    private func flush(_ turn: inout TurnOutput) {
        vectors.prepare(turn)
        for entry in turn.dirty {
            let slot = Int(entry.slot)
            let descriptor = endpoints[slot].directDescriptor
            let run = turn.runs[Int(entry.firstRun)]
            if descriptor >= 0, run.next < 0 {
                // The common case: one stretch of one log, and nothing in its way.
                let bytes = vectors.bytes(of: run)
                let written = writeNow(descriptor, bytes)
                bytesOut += max(written, 0)
                if written == bytes.count { continue }
                settle(slot, bytes, written)
            } else if let connection = endpoints[slot].connection {
                if connection.tls != nil {
                    encrypt(connection, turn, entry.firstRun)
                } else {
                    write(connection, turn, entry.firstRun)
                }
            }
        }
        for command in turn.commands { carryOut(command) }
        if bytesOut > 0 {
            shared.counters.add(index, .bytesOut, bytesOut)
            bytesOut = 0
        }
    }

    /// A direct write took part of the bytes, or failed.
    private func settle(_ slot: Int, _ bytes: UnsafeRawBufferPointer, _ written: Int) {
        guard let connection = endpoints[slot].connection else { return }
        if written < 0 {
            shard.ended(connection.peer, failed: true)
        } else {
            let rest = ByteBuffer(minimumCapacity: bytes.count - written)
            rest.append(copying: bytes[written...].assumingMemoryBound(to: UInt8.self))
            queue(connection, rest)
            shard.blocked(connection.peer, bytes: rest.count)
        }
    }

    private func write(_ connection: RimConnection, _ turn: borrowing TurnOutput, _ firstRun: Int32)
    {
        var next = firstRun
        while next >= 0 {
            let total = vectors.fill(from: &next, turn)
            send(connection, total)
        }
    }

    private func encrypt(
        _ connection: RimConnection, _ turn: borrowing TurnOutput, _ firstRun: Int32
    ) {
        // Several short runs make one record instead of one each.
        gather.removeAll(keeping: 1 << 20)
        var next = firstRun
        while next >= 0 {
            let run = turn.runs[Int(next)]
            turn.logs[Int(run.log)]!.withSpan(Int(run.start)..<Int(run.end)) { gather.append($0) }
            next = run.next
        }
        guard let tls = connection.tls, tls.isHandshakeDone else { return }
        do {
            try gather.withUnsafeBytes { try tls.send(UnsafeRawBufferPointer($0)) }
        } catch {
            shard.ended(connection.peer, failed: true)
        }
        sendCiphertext(connection)
    }

    private func sendCiphertext(_ connection: RimConnection) {
        guard !tlsLoop.outgoing.isEmpty else { return }
        let total = vectors.fill(with: tlsLoop.outgoing)
        send(connection, total)
        tlsLoop.outgoing.removeAll(keeping: 1 << 20)
    }

    /// Writes what the vectors hold; what the kernel does not take is copied and queued.
    private func send(_ connection: RimConnection, _ total: Int) {
        if connection.isBlocked {
            let pending = connection.pending ?? ByteBuffer()
            vectors.copy(from: 0, to: pending)
            connection.pending = pending
            shard.blocked(connection.peer, bytes: total)
            return
        }
        let written = connection.stream.tryWrite(vectors.filled)
        if written == total {
            bytesOut += total
        } else if written < 0 {
            shard.ended(connection.peer, failed: true)
        } else {
            bytesOut += written
            let rest = ByteBuffer(minimumCapacity: total - written)
            vectors.copy(from: written, to: rest)
            queue(connection, rest)
            shard.blocked(connection.peer, bytes: total - written)
        }
    }

    private func queue(_ connection: RimConnection, _ bytes: ByteBuffer) {
        connection.isBlocked = true
        endpoints[connection.peer.slot].directDescriptor = -1
        connection.queued = bytes
        connection.written = 0
        queueNext(connection)
    }

    /// Hands libuv the next piece: it says only when all of it is out, and a peer that takes little
    /// at a time is to be seen to take it.
    private func queueNext(_ connection: RimConnection) {
        guard let bytes = connection.queued else { return }
        let start = connection.written
        let end = min(bytes.count, start + RimConnection.pieceBytes)
        bytes.withUnsafeBytes {
            _ = connection.stream.queue(
                owner: bytes,
                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[start..<end]))
        }
    }

    private func carryOut(_ command: Command) {
        switch command {
        case .shutdown(let peer):
            guard let connection = connection(of: peer) else { return }
            if let tls = connection.tls, tls.isHandshakeDone {
                tls.startClose()
                sendCiphertext(connection)
            }
            if connection.isBlocked {
                connection.wantsShutdown = true
            } else {
                connection.stream.shutdown()
            }
        case .close(let peer):
            guard let connection = connection(of: peer) else { return }
            connection.stream.close()
            endpoints[peer.slot] = Endpoint()
        case .pauseReading(let peer): connection(of: peer)?.stream.stopReading()
        case .resumeReading(let peer): connection(of: peer)?.stream.startReading()
        }
    }

    /// The peer's connection; nil once it is closed, also when its slot has another by now.
    private func connection(of peer: Peer) -> RimConnection? {
        guard let connection = endpoints[peer.slot].connection, connection.peer == peer else {
            return nil
        }
        return connection
    }
}

/// What the limits count a connection as; nil for a Unix socket, and for a peer that is gone.
private func peerAddress(of stream: Stream) -> PeerAddress? {
    switch stream.peerHost {
    case .ipv4(let address): PeerAddress(ipv4: address)
    case .ipv6(let high, let low): PeerAddress(ipv6: high, low)
    case nil: nil
    }
}

/// The wall clock, milliseconds since 1970.
func unixMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}

/// Microseconds since some fixed moment; never goes back.
private func monotonicMicroseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
}
