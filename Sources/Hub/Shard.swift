// One loop's share of the hub: its connections, the channels they follow, and the channels that
// live here.
//
// A pure machine. Bytes, time and messages go in; what is to be written, closed and woken comes out
// in ``TurnOutput``. It opens no socket and reads no clock, so many shards can be run in one thread
// from one seed.

internal import Bytes
internal import Ring
internal import Wire
internal import Deflate

/// The state of one loop. Owner loop only; what crosses loops stands in ``Shared``.
///
/// A turn is: ``setTime(_:)`` and inputs, any number of them; ``work()``; ``exchange(_:)``, whose
/// result the rim carries out; ``endTurn()``.
package struct Shard: ~Copyable {
    package let index: Int
    let shared: Shared
    let settings: Settings
    var limits: Limits { settings.limits }

    var output = TurnOutput()
    var now: Instant
    var jitter: Jitter

    var connections: [Connection] = []
    /// Whether a connection has a ``Lag``: one byte each, since every delivery looks at it.
    var lagging: [Bool] = []
    /// What waits in all of them.
    let backlog = BacklogTotal()
    var freeSlots: [Int] = []
    /// Slots whose close is ordered in ``output``. They are not given out again before it has been
    /// carried out.
    var freedThisTurn: [Int] = []
    /// Slots whose close is ordered in the output that the rim has at present.
    var freedAtRim: [Int] = []
    package internal(set) var connectionCount = 0
    /// Of all connections.
    var subscriptionCount = 0
    /// Those connections that are over a limit, and kept to be told so.
    var refusals = 0
    /// Bytes that the connections hold of what is not whole.
    package internal(set) var inboundBytes = 0
    /// Plaintext received in this turn.
    var bytesIn = 0
    var wheel: TimerWheel
    var expired: [Int] = []
    /// Connections with something left to do that needs no new input: the next turn takes them up.
    var continuing: [Int] = []

    var channels = ChannelTable()
    /// What the histories of the channels that live here hold together.
    var ledger = HistoryLedger()
    /// By namespace: the highest sequence of any message that was housed here and is forgotten
    /// together with its channel.
    var forgotten: [UInt64]
    /// The last one given to a recall.
    var recallTicket: UInt32 = 0
    var sweepCursor = 0
    var sweepDue: UInt64

    var reader: RingReader?
    /// Everything up to here was delivered.
    var position: UInt64
    var coalescing = Coalescing()
    /// nil when no namespace has one.
    var batchWindow: BatchWindow?
    /// In this turn: messages handed to connections, once per subscriber; connections written to.
    var deliveries: UInt64 = 0
    var writes: UInt64 = 0
    var encoder: Encoder
    var inflater: Inflater?
    var batch = DeliveryBatch()
    var mail: [Mail] = []
    /// Recalls that found the mailbox of the loop that asked full.
    var unsent: [Recall] = []
    /// Who follows the channels that live here, where that is kept.
    var rosters: Rosters
    /// Whether any namespace keeps presence.
    let keepsPresence: Bool
    /// Attendance that the home's full mailbox has not taken.
    var untold = UntoldAttendance()
    /// Requests that found the home's mailbox full, and whose subscribers must have an answer.
    var unasked: [RecallRequest] = []
    var acks = Acks()
    var answersPolls = false
    var scratch = Scratch()
    /// Something was published in this turn.
    var hasPublished = false
    /// The process is about to end: nobody new is let in, and ``farewells`` says who goes when.
    var isLeaving = false
    var farewells = Farewells()

    var components: [any MessageComponent]
    let componentPaths: [[UInt8]]

    /// - Parameters:
    ///   - index: this loop's number, `0..<settings.loops`.
    ///   - components: this loop's own instances, with the paths they are attached to (`/chat`).
    ///   - seed: for jitter.
    package init(
        index: Int, shared: Shared,
        components: [(path: String, component: any MessageComponent)] = [],
        now: Instant, seed: UInt64
    ) {
        self.index = index
        self.shared = shared
        settings = shared.settings
        self.now = now
        jitter = Jitter(seed: seed)
        wheel = TimerWheel(nowMilliseconds: now.monotonicMilliseconds)
        sweepDue = now.monotonicMilliseconds + Shard.sweepMilliseconds
        let reader = shared.ring.makeReader(index)
        position = reader.position
        self.reader = consume reader
        if shared.settings.namespaces.all.contains(where: { $0.batchMilliseconds > 0 }) {
            batchWindow = BatchWindow(position: position)
        }
        forgotten = shared.settings.floors
        rosters = Rosters(shared.settings.limits, nowMilliseconds: now.monotonicMilliseconds)
        keepsPresence = shared.settings.namespaces.all.contains { $0.presence }
        encoder = Encoder(epoch: shared.settings.epoch)
        self.components = components.map(\.component)
        componentPaths = components.map { Array($0.path.utf8) }
    }

    // MARK: - The turn

    /// Tells the time, before an input or ``work()``.
    package mutating func setTime(_ now: Instant) {
        self.now = now
    }

    /// Does what the turn's inputs made due: letters, messages, deadlines, answers.
    package mutating func work() {
        if hasUnsent { sendAgain() }
        readMail()
        if mayDrain() { drainRing() }
        if hasAcksDue { answerAcks() }
        takeUpContinuing()
        meetDeadlines()
        if isLeaving { sendAway() }
        if answersPolls { answerPolls() }
        if keepsPresence { tendPresence() }
        if now.monotonicMilliseconds >= sweepDue { sweepChannels() }
    }

    /// Gives the turn's output to the rim and takes the cleared one of an earlier turn for the
    /// next.
    ///
    /// Two outputs change places, so that no array is copied and what the rim finds out while it
    /// writes (a peer that takes nothing) already belongs to the next turn.
    package mutating func exchange(_ spare: inout TurnOutput) {
        if hasPublished { callIfPressing() }
        spare.grow(to: connections.count)
        writes = UInt64(output.dirty.count)
        // A run's ends are 32 bits wide; cut off, they would show one client another's bytes.
        for case let log? in output.logs { precondition(log.count <= Int(UInt32.max)) }
        swap(&output, &spare)
        // What the rim frees while it writes is ordered closed in the next output, and free after
        // that.
        freedAtRim.append(contentsOf: freedThisTurn)
        freedThisTurn.removeAll(keepingCapacity: true)
        if bytesIn > 0 { tally(.bytesIn, bytesIn) }
        bytesIn = 0
    }

    /// The rim has carried out the output: slots that were freed may be taken again.
    ///
    /// - Parameter microseconds: from ``work()`` until now.
    package mutating func endTurn(tookMicroseconds microseconds: UInt64 = 0) {
        freeSlots.append(contentsOf: freedAtRim)
        freedAtRim.removeAll(keepingCapacity: true)
        if deliveries > 0 { coalesce(microseconds) }
        deliveries = 0
    }

    /// Whether another turn has something to do at once.
    package var hasWork: Bool {
        if hasWorkBesideMessages { return true }
        if coalescing.until != nil { return isRingPressing }
        switch reader {
        case .some(let reader):
            guard let window = batchWindow, let due = window.due else { return reader.hasMore }
            return due <= now.monotonicMilliseconds || isRingPressing
                || reader.hasMore(after: max(position, window.seen))
        case .none: return false
        }
    }

    var hasWorkBesideMessages: Bool {
        // What the rim found out while it wrote may already have led to orders, and to letters.
        if !continuing.isEmpty || !output.isEmpty || hasPublished { return true }
        // What is settled after this look wakes the loop.
        return !shared.mailboxes[index].isEmpty || hasAcksDue
    }

    /// Monotonic milliseconds at which ``work()`` is due even if nothing happens.
    package var nextDeadline: UInt64 {
        var next = min(wheel.nextMilliseconds ?? .max, sweepDue)
        if let ack = acks.first { next = min(next, ack.deadlineMilliseconds) }
        if keepsPresence { next = min(next, rosters.nextMilliseconds ?? .max) }
        if hasUnsent || rosters.hasUnannounced {
            next = min(next, now.monotonicMilliseconds + Shard.resendMilliseconds)
        }
        if isLeaving { next = min(next, farewells.nextMilliseconds(after: now)) }
        // Both are waited for, one after the other.
        if let due = coalescing.until ?? batchWindow?.due { next = min(next, due) }
        return next
    }

    /// Whether something waits for room in another loop's mailbox.
    private var hasUnsent: Bool { !unsent.isEmpty || !untold.isEmpty || !unasked.isEmpty }

    /// The loop ends: it no longer holds the ring back.
    package mutating func end() {
        guard var reader = reader.take() else { return }
        reader.close()
    }

    private mutating func takeUpContinuing() {
        guard !continuing.isEmpty else { return }
        let slots = continuing
        continuing.removeAll(keepingCapacity: true)
        for slot in slots { takeUp(slot) }
    }

    private mutating func takeUp(_ slot: Int) {
        if let lag = connections[slot].lag {
            boundBacklog(slot, lag)
            closeOverfull()
            flushLag(slot)
        }
        if case .http(let exchange) = connections[slot].activity, !exchange.carry.isEmpty,
            connections[slot].lag == nil
        {
            continueRequests(slot, exchange)
        }
        if case .webSocket(let session) = connections[slot].activity, !session.carry.isEmpty {
            continueFrames(slot, session)
        }
        if case .http(let exchange) = connections[slot].activity { endIfAnswered(slot, exchange) }
        countInbound(slot)
    }

    // MARK: - Slots

    func peer(_ slot: Int) -> Peer {
        Peer(loop: index, slot: slot, generation: connections[slot].generation)
    }

    /// The peer's slot, or nil when the peer is gone (or never was of this loop).
    func slot(of peer: Peer) -> Int? {
        let slot = peer.slot
        guard peer.loop == index, slot < connections.count,
            connections[slot].generation == peer.generation
        else { return nil }
        if case .none = connections[slot].activity { return nil }
        return slot
    }

    /// Takes a slot for a new connection; nil at the limit.
    mutating func takeSlot() -> Int? {
        if let slot = freeSlots.popLast() {
            let generation = connections[slot].generation
            connections[slot].generation = generation == Peer.generationMax ? 1 : generation + 1
            return slot
        }
        guard connections.count < min(limits.connectionsPerLoopMax, Peer.slotsMax) else {
            return nil
        }
        connections.append(Connection(generation: 1))
        lagging.append(false)
        wheel.grow(to: connections.count)
        output.grow(to: connections.count)
        return connections.count - 1
    }

    // MARK: - Lag

    /// The connection's lag; from now on it has one, and live messages wait in it.
    mutating func beginLag(_ slot: Int) -> Lag {
        if let lag = connections[slot].lag { return lag }
        let lag = Lag(backlog)
        connections[slot].lag = lag
        lagging[slot] = true
        return lag
    }

    /// What waited is out, or of no more use.
    mutating func endLag(_ slot: Int) {
        connections[slot].lag = nil
        lagging[slot] = false
        // Its commands may have waited for that.
        if case .webSocket(let session) = connections[slot].activity, !session.carry.isEmpty {
            continuing.append(slot)
        }
    }

    // MARK: - Output of one connection

    /// Appends bytes for one connection, after all that it is owed already.
    mutating func write(_ slot: Int, _ body: (ByteBuffer) -> Void) {
        let log = output.log(.direct)
        let start = log.count
        body(log)
        if log.count > start { output.owe(slot, .direct, start, log.count) }
    }

    mutating func arm(_ slot: Int, after milliseconds: UInt64) {
        wheel.arm(slot, atMilliseconds: now.monotonicMilliseconds + milliseconds)
    }

    func tally(_ counter: Counter, _ n: Int = 1) {
        shared.counters.add(index, counter, n)
    }
}
