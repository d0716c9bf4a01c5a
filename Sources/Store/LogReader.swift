// The ring's one more reader: it picks out what is durable. What it is not: allowed to wait for the
// disk.

package import Ring
internal import Synchronization

/// Reads every message and hands the durable ones to the ``PendingLog``. One thread, that of
/// ``run()``; tests may take single ``turn(_:)``s instead.
package final class LogReader {
    private var reader: RingReader
    private let bell: LogBell
    private let durability: [StoredNamespace.Durability]
    private let pending: PendingLog
    private let limits: StoreLimits
    private var picked: [StoredMessage] = []

    /// - Parameters:
    ///   - index: its reader's number in the ring; the loops have those before it.
    ///   - durability: by namespace.
    package init(
        ring: BroadcastRing, index: Int, durability: [StoredNamespace.Durability],
        pending: PendingLog, bell: LogBell, limits: StoreLimits
    ) {
        reader = ring.makeReader(index)
        self.bell = bell
        self.durability = durability
        self.pending = pending
        self.limits = limits
    }

    /// Reads some of what the ring holds.
    ///
    /// - Parameter now: monotonic milliseconds.
    /// - Returns: whether anything was read.
    package func turn(_ now: UInt64) -> Bool {
        var bytes = 0
        var isUrgent = false
        var picked = self.picked
        self.picked = []
        let bytesMax = limits.readBytesMax
        let count = reader.drain(limit: room) { sequence, message in
            let durability = durability[Int(message.namespace)]
            guard durability != .memory else { return true }
            isUrgent = isUrgent || durability == .fsync
            picked.append(StoredMessage(sequence: sequence, message: message))
            bytes += message.cost
            return bytes < bytesMax
        }
        if count > 0 {
            pending.append(&picked, through: reader.position, isUrgent: isUrgent, now: now)
        }
        self.picked = picked
        return count > 0
    }

    /// Reads until ``LogBell/stop()``, and then what is left.
    package func run() {
        while true {
            if turn(monotonicMilliseconds()) { continue }
            if bell.isStopping {
                // Nobody publishes any more, so what was there before the flag was is in.
                if !reader.hasMore { break }
                continue
            }
            bell.announceSleep()
            if reader.hasMore, room > 0 || bell.isStopping {
                bell.awake()
                continue
            }
            if !bell.isStopping { bell.wait() }
            bell.awake()
        }
        end()
    }

    /// Reads no more. ``run()`` does this by itself.
    package func end() {
        pending.end(through: reader.position)
        reader.close()
    }

    /// How many messages may be read now.
    private var room: Int {
        // At the end nothing is published any more, so nothing can come to lie beyond the mark.
        if bell.isStopping { return limits.readMessagesMax }
        let through = pending.readableThrough
        guard through > reader.position else { return 0 }
        return Int(min(through - reader.position, UInt64(limits.readMessagesMax)))
    }
}

/// How the ring's log reader is woken, and stopped. Any thread.
package final class LogBell: Sendable {
    private let bell = Bell()
    private let stopping = Atomic(false)
    private let sleepers: Sleepers
    private let index: Int

    /// - Parameter index: the reader's number among the sleepers.
    package init(sleepers: Sleepers, index: Int) {
        self.sleepers = sleepers
        self.index = index
    }

    /// For whoever has published and has taken the reader from the sleepers.
    package func ring() { bell.ring() }

    /// All loops have ended: nothing is published any more.
    package func stop() {
        // Pairs with the acquiring load below: what the loops have published is seen with it.
        stopping.store(true, ordering: .releasing)
        bell.ring()
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }
    func announceSleep() { sleepers.announceSleep(index) }
    func awake() { sleepers.awake(index) }
    func wait() { bell.wait() }
}
