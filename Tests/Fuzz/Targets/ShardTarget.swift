// A whole hub: the input says which bytes come on which connection, when loops have a turn, how
// time passes, which sockets are full. Limits are low, so that they are reached.

import Bytes
import Hub
import Ring
import Wire

/// Bytes 0 and 1 of each record say what happens and to which connection; 2 is a length.
///
/// ```text
/// [what & 7][connection, or how long][count][count bytes]
/// ```
func shard(_ input: [UInt8]) throws(Fault) {
    let hub = FuzzedHub()
    defer { hub.end() }
    var at = 0
    while at + 2 < input.count {
        let (what, which, count) = (input[at] & 7, Int(input[at + 1]), Int(input[at + 2]))
        at += 3
        switch what {
        case 0, 1, 2:
            let end = min(at + count, input.count)
            hub.receive(which, Array(input[at..<end]))
            at = end
        case 3: try hub.turn(which % hub.loops.count)
        case 4: hub.pass(UInt64(which) * UInt64(count))
        case 5: hub.drop(which, failed: count & 1 == 0)
        case 6: hub.setBlocked(which, count & 1 == 0)
        default: if which > 250 { hub.leave(within: UInt64(count) * 100) } else { try hub.settle() }
        }
        try hub.check()
    }
    try hub.finish()
}

/// Two loops and a rim of arrays.
private final class FuzzedHub {
    final class Loop {
        var shard: Shard
        var turn = TurnOutput()
        init(_ shard: consuming Shard) { self.shard = shard }
    }

    private static let connectionCount = 6
    let loops: [Loop]
    private let shared: Shared
    private var now = Instant(
        monotonicMilliseconds: 1_000, unixMilliseconds: 1_700_000_000_000)
    private var peers = [Peer?](repeating: nil, count: connectionCount)
    private var paused = [Bool](repeating: false, count: connectionCount)
    /// The socket takes nothing; and it was told so.
    private var full = [Bool](repeating: false, count: connectionCount)
    private var blocked = [Bool](repeating: false, count: connectionCount)

    init() {
        var settings = Settings(
            epoch: Epoch.make(random: 99), hashKey: HashKey(1, 2), loops: 2)
        settings.access.anonymousRead = true
        settings.access.anonymousPublish = true
        settings.limits.messageBytesMax = 512
        settings.limits.batchBytesMax = 2_048
        settings.limits.channelsPerConnectionMax = 3
        settings.limits.channelsPerLoopMax = 6
        settings.limits.backlogBytesMax = 2_000
        settings.limits.pipelinedBytesMax = 512
        settings.limits.catchUpBytesPerTurnMax = 300
        settings.limits.drainMessagesPerTurnMax = 4
        settings.limits.http.headBytesMax = 1_024
        settings.namespaces.fallback.historyMessagesMax = 4
        settings.namespaces.fallback.historyMillisecondsMax = 5_000
        var last = Namespace(name: Array("l".utf8))
        last.history = .last
        last.slowPolicy = .latest
        settings.namespaces.add(last)
        var drops = Namespace(name: Array("d".utf8))
        drops.slowPolicy = .dropOldest
        drops.presence = true
        settings.namespaces.add(drops)
        let shared = Shared(
            settings: settings, ringSlots: 8, ringBytesMax: 16_384, interestBuckets: 4)
        let now = now
        self.shared = shared
        loops = (0..<2).map {
            Loop(Shard(index: $0, shared: shared, now: now, seed: UInt64($0)))
        }
    }

    func end() { for loop in loops { loop.shard.end() } }

    // MARK: - What happens

    func receive(_ which: Int, _ bytes: [UInt8]) {
        let index = which % Self.connectionCount
        let loop = loops[index % 2]
        loop.shard.setTime(now)
        if peers[index] == nil {
            peers[index] = loop.shard.opened(isSecure: false)
            (paused[index], full[index], blocked[index]) = (false, false, false)
        }
        guard let peer = peers[index], !paused[index] else { return }
        loop.shard.received(peer, bytes.span)
    }

    func drop(_ which: Int, failed: Bool) {
        let index = which % Self.connectionCount
        guard let peer = peers[index] else { return }
        loops[index % 2].shard.setTime(now)
        loops[index % 2].shard.ended(peer, failed: failed)
    }

    func setBlocked(_ which: Int, _ isFull: Bool) {
        let index = which % Self.connectionCount
        full[index] = isFull
        guard !isFull, blocked[index], let peer = peers[index] else { return }
        blocked[index] = false
        loops[index % 2].shard.setTime(now)
        loops[index % 2].shard.writable(peer)
    }

    func pass(_ milliseconds: UInt64) {
        now.monotonicMilliseconds += milliseconds
        now.unixMilliseconds += milliseconds
    }

    func leave(within milliseconds: UInt64) {
        for loop in loops {
            loop.shard.setTime(now)
            loop.shard.leave(withinMilliseconds: milliseconds)
        }
    }

    func turn(_ number: Int) throws(Fault) {
        let loop = loops[number]
        loop.shard.setTime(now)
        loop.shard.work()
        loop.shard.exchange(&loop.turn)
        for dirty in loop.turn.dirty { try write(loop, number, dirty) }
        for command in loop.turn.commands { carryOut(command, number) }
        loop.turn.clear()
        loop.shard.endTurn()
    }

    private func write(_ loop: Loop, _ number: Int, _ dirty: DirtyConnection) throws(Fault) {
        var count = 0
        var next = dirty.firstRun
        while next >= 0 {
            let run = loop.turn.runs[Int(next)]
            try require(
                run.start <= run.end && Int(run.end) <= loop.turn.logs[Int(run.log)]!.count,
                "a run \(run.start)..<\(run.end) beyond its log")
            count += Int(run.end - run.start)
            next = run.next
        }
        try require(count > 0, "slot \(dirty.slot) is owed nothing")
        guard let index = index(slot: Int(dirty.slot), number), let peer = peers[index] else {
            return
        }
        if full[index] {
            blocked[index] = true
            loop.shard.blocked(peer, bytes: count)
        }
    }

    private func index(slot: Int, _ number: Int) -> Int? {
        peers.indices.first { $0 % 2 == number && peers[$0]?.slot == slot }
    }

    private func carryOut(_ command: Command, _ number: Int) {
        switch command {
        case .shutdown: break
        case .close(let peer):
            if let index = index(slot: peer.slot, number) { peers[index] = nil }
        case .pauseReading(let peer):
            if let index = index(slot: peer.slot, number) { paused[index] = true }
        case .resumeReading(let peer):
            if let index = index(slot: peer.slot, number) { paused[index] = false }
        }
    }

    // MARK: - What must be true

    func check() throws(Fault) {
        for loop in loops {
            let faults = loop.shard.faults()
            try require(faults.isEmpty, faults.first ?? "")
        }
        try require(shared.ring.bytesHeld <= 16_384, "\(shared.ring.bytesHeld) bytes in the ring")
    }

    func settle() throws(Fault) {
        for _ in 0..<1_000 {
            for number in loops.indices { try turn(number) }
            if !loops.contains(where: { $0.shard.hasWork }) {
                for loop in loops {
                    let faults = loop.shard.restFaults()
                    try require(faults.isEmpty, faults.first ?? "")
                }
                return
            }
        }
        throw Fault(text: "the loops do not come to rest")
    }

    /// Everybody goes, everything expires, nothing is left.
    func finish() throws(Fault) {
        try settle()
        for index in peers.indices { drop(index, failed: true) }
        for _ in 0..<8 {
            try settle()
            pass(1_000_000)
        }
        try settle()
        for loop in loops {
            let faults = loop.shard.emptyFaults()
            try require(faults.isEmpty, faults.first ?? "")
        }
        try require(shared.ring.bytesHeld == 0, "\(shared.ring.bytesHeld) bytes are left")
    }
}
