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
    var shard: Shard
    var endpoints: [Endpoint] = []
    let kinds: [ListenerKind]
    /// Otherwise the kernel is not asked for them.
    let countsAddresses: Bool
    let vectors = WriteVectors()
    let tlsLoop = TLSLoop()
    let plaintext = ByteBuffer(minimumCapacity: 64 << 10)
    let gather = ByteBuffer(minimumCapacity: 16 << 10)
    /// Unix time minus the loop's time, milliseconds; taken anew each turn.
    private var unixOffset: UInt64 = 0
    /// Written since the last turn's end.
    var bytesOut = 0

    /// TLS plaintext held for one connection's read, kept between reads.
    static let plaintextBytesKept = 64 << 10

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
        listen(listeners)
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
            work(&turn)
            if shard.hasLeft, !hasLeft {
                hasLeft = true
                control.noteLeft()
            }
            // Channels live here whose past the connections of other loops may ask for.
            if control.haveAllLeft { break }
            loop.arm(timerAtMilliseconds: shard.nextDeadline)
            turnLoop()
        }
        end()
    }

    func listen(_ listeners: [(Listener, tag: Int)]) {
        loop.setEvents(self)
        let milliseconds = shared.settings.limits.unacknowledgedMillisecondsMax
        for (listener, tag) in listeners {
            do {
                try loop.listen(listener, tag: tag, unacknowledgedMillisecondsMax: milliseconds)
            } catch {
                // It is bound and listening already; only libuv's own bookkeeping can fail here.
                fatalError("a listener was refused by its loop: \(error)")
            }
        }
    }

    /// Does what the events made due, and writes what comes of it.
    ///
    /// - Parameter turn: empty; keeps its memory from one turn to the next.
    func work(_ turn: inout TurnOutput) {
        let started = monotonicMicroseconds()
        shard.work()
        shard.exchange(&turn)
        wake(turn.calls)
        flush(&turn)
        turn.clear()
        shard.endTurn(tookMicroseconds: monotonicMicroseconds() - started)
    }

    /// Closes all connections, and the loop.
    func end() {
        for endpoint in endpoints where endpoint.stream.descriptor >= 0 {
            loop.close(endpoint.stream)
        }
        endpoints.removeAll()
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

    func tellTime() {
        unixOffset = unixMilliseconds() &- loop.now
        shard.setTime(instant)
    }

    /// The loop's time, which libuv takes anew before it calls back.
    var instant: Instant {
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
