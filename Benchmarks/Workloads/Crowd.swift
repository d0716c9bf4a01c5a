// A hub without sockets: real shards, and a rim that only counts what it would write.

package import Hub
internal import Ring
internal import Wire

/// One loop: its shard, and the output that the two take turns with.
package final class CrowdLoop {
    package var shard: Shard
    fileprivate var turn = TurnOutput()

    fileprivate init(_ shard: consuming Shard) { self.shard = shard }
}

/// Some loops in one thread, their connections, and counters in place of sockets.
///
/// Time stands still unless it is moved by hand, so that no heartbeat falls into a measurement.
package final class Crowd {
    package let settings: Settings
    package let shared: Shared
    package let loops: [CrowdLoop]
    /// Writes that a rim would have made: one per connection and turn.
    package private(set) var writes = 0
    /// Bytes in them.
    package private(set) var bytes = 0
    /// Connections that the hub has closed.
    package private(set) var closed = 0
    package var now = Instant(
        monotonicMilliseconds: 1_000, unixMilliseconds: 1_700_000_000_000)

    /// - Parameter configure: changes the settings, under which anyone may read and publish.
    package init(loops: Int = 1, _ configure: (inout Settings) -> Void = { _ in }) {
        var settings = Settings(
            epoch: Epoch.make(random: 0x1234_5678_9ABC), hashKey: HashKey(1, 2), loops: loops)
        settings.access.anonymousRead = true
        settings.access.anonymousPublish = true
        // As after years, so that ids have their full length.
        settings.start = 1 << 40
        configure(&settings)
        self.settings = settings
        let shared = Shared(settings: settings)
        self.shared = shared
        let now = now
        self.loops = (0..<loops).map {
            CrowdLoop(Shard(index: $0, shared: shared, now: now, seed: UInt64($0 + 7)))
        }
    }

    deinit {
        for loop in loops { loop.shard.end() }
    }

    // MARK: - Connections

    /// A new connection.
    ///
    /// - Precondition: the limits leave room for it.
    package func open(loop: Int = 0) -> Peer {
        loops[loop].shard.setTime(now)
        guard let peer = loops[loop].shard.opened(isSecure: false) else {
            fatalError("connection \(loops[loop].shard.connectionCount + 1) was refused")
        }
        return peer
    }

    /// A new connection that has sent its first request; no turn has come of it yet.
    package func open(loop: Int = 0, _ request: [UInt8]) -> Peer {
        let peer = open(loop: loop)
        send(peer, request)
        return peer
    }

    package func send(_ peer: Peer, _ bytes: [UInt8]) {
        loops[peer.loop].shard.received(peer, bytes.span)
    }

    package func breakOff(_ peer: Peer) {
        loops[peer.loop].shard.ended(peer, failed: true)
    }

    /// What the shards hold, by owner, bytes.
    package var footprint: [(owner: String, bytes: Int)] {
        var sums: [(owner: String, bytes: Int)] = []
        for loop in loops {
            for (index, part) in loop.shard.footprint.enumerated() {
                if index == sums.count { sums.append(("\(part.owner)", 0)) }
                sums[index].bytes += part.bytes
            }
        }
        return sums
    }

    // MARK: - Turns

    /// One turn of one loop, as the rim does it.
    package func turn(_ index: Int = 0) {
        let loop = loops[index]
        loop.shard.setTime(now)
        loop.shard.work()
        loop.shard.exchange(&loop.turn)
        count(loop.turn)
        loop.turn.clear()
        loop.shard.endTurn()
    }

    /// Turns all loops until none has anything left to do.
    package func settle() {
        repeat {
            for index in loops.indices { turn(index) }
        } while loops.contains { $0.shard.hasWork }
    }

    private func count(_ turn: borrowing TurnOutput) {
        for entry in turn.dirty {
            var next = entry.firstRun
            while next >= 0 {
                let run = turn.runs[Int(next)]
                bytes += Int(run.end - run.start)
                next = run.next
            }
            writes += 1
        }
        for command in turn.commands {
            if case .close = command { closed += 1 }
        }
    }
}
