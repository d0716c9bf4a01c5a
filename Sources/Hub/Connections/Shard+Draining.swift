// The process is about to end: its clients are sent away at a steady rate and in random order, each
// after all that was published before, and where its protocol has words for it, with a hint when to
// return.

internal import Bytes
internal import Ring
internal import Wire

/// Who of one loop is still to be sent away, and when.
struct Farewells {
    /// Slots, in the order in which they go. None is given out again meanwhile.
    private var order: [Int32] = []
    /// Index into `order` of the first one whose time has not come.
    private var next = 0
    private var nextDue: UInt64 = 0
    private var start: UInt64 = 0
    /// The time over which they go, milliseconds.
    private var spread: UInt64 = 0
    /// Monotonic milliseconds at which nobody is waited for any more.
    private(set) var end: UInt64 = 0

    /// Their time has come; they go as soon as ``target`` is delivered.
    var called: [Int32] = []
    /// The last sequence that those in ``called`` are owed.
    private(set) var target: UInt64 = 0
    /// Their time had come before, but something was on its way to them: a past, a backlog, the
    /// answer to a request that is not in yet.
    var late: [Int32] = []
    private var lateDue: UInt64 = 0

    /// How often those who were late are looked at again, milliseconds.
    private static let lateMilliseconds: UInt64 = 50

    init() {}

    init(_ slots: [Int32], now: Instant, spread: UInt64, total: UInt64, _ jitter: inout Jitter) {
        order = slots
        start = now.monotonicMilliseconds
        self.spread = spread
        end = start + total
        // Fisher and Yates's shuffle: the members of one channel are not to go together.
        for last in order.indices.dropFirst().reversed() {
            order.swapAt(last, Int(jitter.next(below: UInt64(last) + 1)))
        }
        setNextDue(&jitter)
    }

    /// The one with number `next` goes at some moment of its own share of the time.
    private mutating func setNextDue(_ jitter: inout Jitter) {
        guard next < order.count else {
            nextDue = .max
            return
        }
        let part = UInt64(next) << 8 + jitter.next(below: 1 << 8)
        nextDue = start + spread * part / (UInt64(order.count) << 8)
    }

    /// Calls those whose time has come, unless some are called already.
    ///
    /// - Parameter published: the last sequence published so far.
    mutating func call(now: Instant, published: UInt64, _ jitter: inout Jitter) {
        guard called.isEmpty else { return }
        let time = now.monotonicMilliseconds
        while nextDue <= time, next < order.count {
            called.append(order[next])
            next += 1
            setNextDue(&jitter)
        }
        if !late.isEmpty, lateDue <= time {
            called += late
            late.removeAll()
        }
        if late.isEmpty { lateDue = time + Farewells.lateMilliseconds }
        target = published
    }

    /// Calls all who are left.
    mutating func callRest() {
        called += late + order[next...]
        late.removeAll()
        next = order.count
        nextDue = .max
    }

    /// When there is something to do again, monotonic milliseconds.
    func nextMilliseconds(after now: Instant) -> UInt64 {
        let time = now.monotonicMilliseconds
        guard time < end else { return .max }
        // What they are owed is still being published.
        if !called.isEmpty { return time + 1 }
        return min(nextDue, late.isEmpty ? .max : lateDue, end)
    }
}

extension Shard {
    /// Begins to send everybody away. New connections are refused from now on, idle ones end at
    /// once, and requests are answered with `Connection: close`.
    ///
    /// The others go one by one, evenly over three quarters of the time or more; sooner when they
    /// are few (``Limits/farewellsPerSecondMin``). Messages go on to those who are still there.
    ///
    /// - Parameter total: whoever is left after so many milliseconds gets the words of farewell and
    ///   is not waited for: ``hasLeft``. 0 sends everybody away in the next turn.
    package mutating func leave(withinMilliseconds total: UInt64 = 0) {
        guard !isLeaving else { return }
        isLeaving = true
        var slots: [Int32] = []
        for slot in connections.indices {
            switch connections[slot].activity {
            case .none, .lingering: break
            case .http(let exchange) where exchange.isIdle: linger(slot)
            case .http, .stream, .poll, .webSocket:
                slots.append(Int32(truncatingIfNeeded: slot))
            }
        }
        let tail = min(total / 4, limits.farewellTailMillisecondsMax)
        let enough = UInt64(slots.count) * 1_000 / limits.farewellsPerSecondMin
        farewells = Farewells(
            slots, now: now, spread: min(total - tail, enough), total: total, &jitter)
    }

    /// After ``leave(withinMilliseconds:)``: nobody is there any more, or the time is up.
    package var hasLeft: Bool {
        isLeaving && (connectionCount == 0 || now.monotonicMilliseconds >= farewells.end)
    }

    /// Sends away those whose time has come.
    mutating func sendAway() {
        let isLast = now.monotonicMilliseconds >= farewells.end
        if isLast {
            farewells.callRest()
            _ = drainRing(upTo: shared.ring.published)
        } else {
            farewells.call(now: now, published: shared.ring.published, &jitter)
            // A turn takes only so much from the ring, and a message may have a sequence before it
            // is in: what was published before their time is delivered first.
            guard position >= farewells.target else { return }
        }
        var called: [Int32] = []
        swap(&called, &farewells.called)
        for slot in called where !sendAway(Int(slot), isLast: isLast) {
            farewells.late.append(slot)
        }
    }

    /// Sends one away.
    ///
    /// - Parameter isLast: even if something is still on its way to it.
    /// - Returns: false when it has to be asked again later.
    private mutating func sendAway(_ slot: Int, isLast: Bool) -> Bool {
        switch connections[slot].activity {
        case .none, .lingering: return true
        case .http(let exchange):
            // Its request is read and answered first, and that ends it.
            guard (isLast && exchange.awaits == nil) || exchange.isIdle else { return false }
            linger(slot)
        case .poll(let poll):
            answerNothing(slot, poll)
            if case .poll = connections[slot].activity { return false }
        case .stream(let form):
            guard isLast || !isBehind(slot) else { return false }
            if form != .line, !isBehind(slot) {
                let wait = returnMilliseconds()
                write(slot) { ServerSentEvents.append(retryMilliseconds: wait, to: $0) }
            }
            linger(slot)
        case .webSocket(let session):
            if session.acks > 0, !session.closeSent {
                // The disk is to answer for all that it published; it may publish no more.
                session.leavesOnceAnswered = true
                pauseReading(slot)
                return false
            }
            guard isLast || !isBehind(slot) else { return false }
            sendAway(slot, session)
        }
        return true
    }

    private mutating func sendAway(_ slot: Int, _ session: WebSocketSession) {
        guard !session.closeSent else { return }
        let wait = returnMilliseconds()
        if case .v1 = session.style, !isBehind(slot) {
            let notice = Array("{\"restarting\":{\"retry\":\(wait)}}".utf8)
            let log = output.log(.direct)
            let start = log.count
            encoder.appendText(notice.span, windowBits: Int(session.windowBits), to: log)
            output.owe(slot, .direct, start, log.count)
        }
        // RFC 6455 §7.1.6: a reason is for people, but a page's script can read it, too.
        closeWebSocket(slot, session, code: 1012, "restarting; retry=\(wait)")
    }

    /// Whether messages wait for this connection, or its past is on its way.
    private func isBehind(_ slot: Int) -> Bool {
        guard let lag = connections[slot].lag else { return false }
        return !lag.isEmpty || lag.recalls > 0
    }

    /// When a client is to come back, milliseconds: not all of them at once.
    private mutating func returnMilliseconds() -> UInt64 {
        1_000 + jitter.next(below: limits.returnMillisecondsMax)
    }
}
