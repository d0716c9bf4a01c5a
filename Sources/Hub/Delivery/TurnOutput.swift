// What one turn has to say to the world: whom to wake, bytes for connections, then orders about them.
// The rim carries it out.

package import Bytes
package import Ring

/// A stretch of one log that a connection is owed, and where the connection's next stretch stands.
package struct Run {
    /// Index into ``TurnOutput/logs``.
    package let log: UInt8
    package fileprivate(set) var start: UInt32
    package fileprivate(set) var end: UInt32
    /// Index into ``TurnOutput/runs``; −1 for the last.
    package fileprivate(set) var next: Int32
}

/// A connection that is owed bytes this turn.
package struct DirtyConnection {
    package let slot: UInt32
    /// Index into ``TurnOutput/runs``.
    package fileprivate(set) var firstRun: Int32
}

/// An order to the rim, carried out after the turn's writes, in order.
package enum Command {
    /// Send what is queued, then end our half; the peer's half is awaited by the shard's deadline.
    case shutdown(Peer)
    /// Close now; what could not be written is dropped. The peer's slot is free afterwards.
    case close(Peer)
    case pauseReading(Peer)
    case resumeReading(Peer)
}

/// The turn's output. Every message is framed once into the log of its encoding; what a connection
/// gets is a chain of runs over those logs, in order, to be written at once.
///
/// Marking a message for one more subscriber extends a run by some bytes: no copy, no allocation.
package struct TurnOutput {
    /// By encoding; made when first used. Cleared at the end of the turn unless somebody kept a
    /// reference.
    package private(set) var logs: [ByteBuffer?]
    package private(set) var runs: [Run] = []
    package private(set) var dirty: [DirtyConnection] = []
    package private(set) var commands: [Command] = []
    /// Other loops that are to be woken for what this turn has published and posted.
    package internal(set) var calls = Calls()
    /// Index of each slot's last run, −1 without one; the first stands in `dirty`.
    private var lastRun: [Int32] = []

    package static let logCount = Encoding.count
    private static let logBytesKept = 1 << 20

    package init() {
        logs = Array(repeating: nil, count: Encoding.count)
    }

    mutating func grow(to slots: Int) {
        let missing = slots - lastRun.count
        if missing > 0 { lastRun.append(contentsOf: repeatElement(-1, count: missing)) }
    }

    mutating func order(_ command: Command) { commands.append(command) }

    /// The log that `encoding` is framed into this turn.
    mutating func log(_ encoding: Encoding) -> ByteBuffer {
        let index = Int(encoding.index)
        if let log = logs[index] { return log }
        let made = ByteBuffer(minimumCapacity: 4096)
        logs[index] = made
        return made
    }

    /// Owes `slot` the bytes `start..<end` of a log, after all that it is owed already.
    @inline(__always)
    mutating func owe(_ slot: Int, _ encoding: Encoding, _ start: Int, _ end: Int) {
        let last = Int(lastRun[slot])
        let index = encoding.index
        if last >= 0 {
            if runs[last].log == index, Int(runs[last].end) == start {
                runs[last].end = UInt32(truncatingIfNeeded: end)
                return
            }
            runs[last].next = Int32(truncatingIfNeeded: runs.count)
        } else {
            dirty.append(
                DirtyConnection(
                    slot: UInt32(truncatingIfNeeded: slot),
                    firstRun: Int32(truncatingIfNeeded: runs.count)))
        }
        lastRun[slot] = Int32(truncatingIfNeeded: runs.count)
        runs.append(
            Run(
                log: index, start: UInt32(truncatingIfNeeded: start),
                end: UInt32(truncatingIfNeeded: end), next: -1))
    }

    /// What its arrays hold; the logs grow with messages, not with connections.
    var footprint: Int {
        heapBytes(lastRun) + heapBytes(runs) + heapBytes(dirty) + heapBytes(commands)
    }

    var isEmpty: Bool { dirty.isEmpty && commands.isEmpty && calls.isEmpty }

    /// Whether `slot` is owed anything this turn.
    func owes(_ slot: Int) -> Bool { lastRun[slot] >= 0 }

    /// Replaces the chain that starts at `dirty[index]` by `head`, that chain without its first
    /// byte, and `tail`.
    ///
    /// A long-poll's answer needs it: its head holds the length of what follows, known only when
    /// the turn ends.
    mutating func wrap(
        dirtyIndex index: Int, log direct: Encoding, head: Range<Int>, tail: Range<Int>
    ) {
        let slot = Int(dirty[index].slot)
        let first = Int(dirty[index].firstRun)
        runs[first].start += 1
        runs.append(
            Run(
                log: direct.index, start: UInt32(head.lowerBound), end: UInt32(head.upperBound),
                next: Int32(first)))
        dirty[index].firstRun = Int32(runs.count - 1)
        runs[Int(lastRun[slot])].next = Int32(runs.count)
        lastRun[slot] = Int32(runs.count)
        runs.append(
            Run(
                log: direct.index, start: UInt32(tail.lowerBound), end: UInt32(tail.upperBound),
                next: -1))
    }

    /// Bytes in the chain that starts at run `first`.
    func bytes(from first: Int32) -> Int {
        var total = 0
        var at = first
        while at >= 0 {
            let run = runs[Int(at)]
            total += Int(run.end - run.start)
            at = run.next
        }
        return total
    }

    /// Forgets the turn. A log that somebody still refers to (a write in flight) is left to them.
    package mutating func clear() {
        for entry in dirty { lastRun[Int(entry.slot)] = -1 }
        dirty.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        commands.removeAll(keepingCapacity: true)
        if !calls.isEmpty { calls = Calls() }
        for index in logs.indices {
            if logs[index] == nil { continue }
            if isKnownUniquelyReferenced(&logs[index]) {
                logs[index]?.removeAll(keeping: TurnOutput.logBytesKept)
            } else {
                logs[index] = nil
            }
        }
    }
}
