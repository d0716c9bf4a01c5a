// One loop with its shard: events in, turns, writes out. Everything here happens on the loop's own thread.

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
/// The turn is the unit of batching: read all, decide all, drain the ring, one write per connection, sleep.
final class Worker: LoopEvents {
    let index: Int
    let loop: Loop
    let shared: Shared
    let control: Control
    private var shard: Shard
    private var endpoints: [Endpoint?] = []
    private let kinds: [ListenerKind]
    private let vectors = WriteVectors()
    private let tlsLoop = TLSLoop()
    private let plaintext = ByteBuffer(minimumCapacity: 64 << 10)
    private let gather = ByteBuffer(minimumCapacity: 16 << 10)
    /// Unix time minus the loop's time, milliseconds; taken anew each turn.
    private var unixOffset: UInt64 = 0

    /// TLS plaintext held for one connection's read, kept between reads.
    private static let plaintextBytesKept = 64 << 10

    init(
        index: Int, loop: Loop, shared: Shared, control: Control, kinds: [ListenerKind],
        components: [(path: String, component: any MessageComponent)],
        seed: UInt64
    ) {
        self.index = index
        self.loop = loop
        self.shared = shared
        self.control = control
        self.kinds = kinds
        let now = Instant(monotonicMilliseconds: loop.now, unixMilliseconds: unixMilliseconds())
        shard = Shard(
            index: index, shared: shared, components: components, now: now, seed: seed)
    }

    // MARK: - Turns

    /// Turns the loop until it is told to stop and its connections are gone.
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
        var deadline: UInt64?
        while true {
            tellTime()
            if control.isStopping, deadline == nil {
                deadline = loop.now + control.drainMillisecondsMax
                leave()
            }
            shard.work()
            if shard.mustWake { wakeOthers() }
            shard.exchange(&turn)
            flush(&turn)
            turn.clear()
            shard.endTurn()
            if let deadline, shard.connectionCount == 0 || loop.now >= deadline { break }
            loop.arm(timerAtMilliseconds: min(shard.nextDeadline, deadline ?? .max))
            turnLoop()
        }
        for endpoint in endpoints { endpoint?.stream.close() }
        shard.end()
        loop.close()
    }

    /// Waits for events unless there is work already.
    private func turnLoop() {
        if shard.hasWork {
            loop.turn(block: false)
            return
        }
        shared.sleepers.announceSleep(index)
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

    private func wakeOthers() {
        shared.sleepers.forEachSleeper(except: index) { control.wake($0) }
    }

    private func leave() {
        for tag in kinds.indices { loop.stopListening(tag: tag) }
        shard.leave()
    }

    // MARK: - Events

    func accepted(_ stream: Stream, listener: Int) {
        shard.setTime(instant)
        let kind = kinds[listener]
        guard let peer = shard.opened(isSecure: kind.tls != nil) else {
            stream.close(reset: true)
            return
        }
        stream.token = peer.raw
        let slot = peer.slot
        while endpoints.count <= slot { endpoints.append(nil) }
        let engine = kind.tls.flatMap { context in
            try? TLSEngine(context: context, loop: tlsLoop, role: .server)
        }
        endpoints[slot] = Endpoint(stream: stream, peer: peer, tls: engine)
        if kind.tls != nil, engine == nil {
            shard.ended(peer, failed: true)
        } else {
            stream.startReading()
        }
    }

    func received(_ token: UInt64, _ bytes: UnsafeMutableRawBufferPointer) {
        shard.setTime(instant)
        let peer = Peer(raw: token)
        guard let endpoint = endpoints[peer.slot] else { return }
        if let tls = endpoint.tls {
            decrypt(endpoint, tls, bytes)
        } else {
            let span = UnsafeBufferPointer(
                start: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), count: bytes.count
            ).span
            shard.received(peer, span)
        }
    }

    private func decrypt(
        _ endpoint: Endpoint, _ tls: TLSEngine, _ bytes: UnsafeMutableRawBufferPointer
    ) {
        plaintext.removeAll(keeping: Worker.plaintextBytesKept)
        let outcome = tls.receive(UnsafeRawBufferPointer(bytes), plaintext: plaintext)
        sendCiphertext(endpoint)
        if !plaintext.isEmpty { plaintext.withSpan { shard.received(endpoint.peer, $0) } }
        switch outcome {
        case .open: break
        case .closed: shard.ended(endpoint.peer, failed: false)
        case .failed: shard.ended(endpoint.peer, failed: true)
        }
    }

    func ended(_ token: UInt64, error: Int32) {
        shard.setTime(instant)
        shard.ended(Peer(raw: token), failed: error != 0)
    }

    func drained(_ token: UInt64, error: Int32) {
        shard.setTime(instant)
        let peer = Peer(raw: token)
        guard let endpoint = endpoints[peer.slot] else { return }
        endpoint.isBlocked = false
        if error != 0 {
            shard.ended(peer, failed: true)
        } else if let pending = endpoint.pending {
            endpoint.pending = nil
            queue(endpoint, pending)
        } else {
            if endpoint.wantsShutdown { endpoint.stream.shutdown() }
            shard.writable(peer)
        }
    }

    func timerFired() {}

    func wokenUp() {}

    // MARK: - Output

    /// Carries out a turn: one write per connection, then the orders.
    private func flush(_ turn: inout TurnOutput) {
        for entry in turn.dirty {
            guard let endpoint = endpoints[Int(entry.slot)] else { continue }
            if endpoint.tls != nil {
                encrypt(endpoint, turn, entry.firstRun)
            } else {
                write(endpoint, turn, entry.firstRun)
            }
        }
        for command in turn.commands { carryOut(command) }
    }

    private func write(_ endpoint: Endpoint, _ turn: borrowing TurnOutput, _ firstRun: Int32) {
        var next = firstRun
        while next >= 0 {
            let total = vectors.fill(from: &next, turn)
            send(endpoint, total)
        }
    }

    private func encrypt(_ endpoint: Endpoint, _ turn: borrowing TurnOutput, _ firstRun: Int32) {
        // Several short runs make one record instead of one each.
        gather.removeAll(keeping: 1 << 20)
        var next = firstRun
        while next >= 0 {
            let run = turn.runs[Int(next)]
            turn.logs[Int(run.log)]!.withSpan(Int(run.start)..<Int(run.end)) { gather.append($0) }
            next = run.next
        }
        guard let tls = endpoint.tls, tls.isHandshakeDone else { return }
        do {
            try gather.withUnsafeBytes { try tls.send(UnsafeRawBufferPointer($0)) }
        } catch {
            shard.ended(endpoint.peer, failed: true)
        }
        sendCiphertext(endpoint)
    }

    private func sendCiphertext(_ endpoint: Endpoint) {
        guard !tlsLoop.outgoing.isEmpty else { return }
        let total = vectors.fill(with: tlsLoop.outgoing)
        send(endpoint, total)
        tlsLoop.outgoing.removeAll(keeping: 1 << 20)
    }

    /// Writes what the vectors hold; what the kernel does not take is copied and queued.
    private func send(_ endpoint: Endpoint, _ total: Int) {
        if endpoint.isBlocked {
            let pending = endpoint.pending ?? ByteBuffer()
            vectors.copy(from: 0, to: pending)
            endpoint.pending = pending
            return
        }
        let written = endpoint.stream.tryWrite(vectors.filled)
        if written == total {
            shared.counters.add(index, .bytesOut, total)
        } else if written < 0 {
            shard.ended(endpoint.peer, failed: true)
        } else {
            shared.counters.add(index, .bytesOut, written)
            let rest = ByteBuffer(minimumCapacity: total - written)
            vectors.copy(from: written, to: rest)
            queue(endpoint, rest)
            shard.blocked(endpoint.peer)
        }
    }

    private func queue(_ endpoint: Endpoint, _ bytes: ByteBuffer) {
        endpoint.isBlocked = true
        bytes.withUnsafeBytes {
            _ = endpoint.stream.queue(owner: bytes, UnsafeRawBufferPointer($0))
        }
    }

    private func carryOut(_ command: Command) {
        switch command {
        case .shutdown(let peer):
            guard let endpoint = endpoints[peer.slot] else { return }
            if let tls = endpoint.tls, tls.isHandshakeDone {
                tls.startClose()
                sendCiphertext(endpoint)
            }
            if endpoint.pending != nil {
                endpoint.wantsShutdown = true
            } else {
                endpoint.stream.shutdown()
            }
        case .close(let peer):
            guard let endpoint = endpoints[peer.slot] else { return }
            endpoint.stream.close()
            endpoints[peer.slot] = nil
        case .pauseReading(let peer): endpoints[peer.slot]?.stream.stopReading()
        case .resumeReading(let peer): endpoints[peer.slot]?.stream.startReading()
        }
    }
}

/// The wall clock, milliseconds since 1970.
func unixMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}
