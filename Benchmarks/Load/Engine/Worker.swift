// One thread: its subscribers, and in thread 0 also the publisher and the conductor.

import Glibc
import Synchronization

struct Worker: ~Copyable {
    private static let completedEvery: UInt64 = 2_000_000

    private let plan: Plan
    private let shared: Shared
    private let board: Board
    private let members: Int
    private let links: Links
    private var receipt: Receipt
    private var begun = 0
    private var hasCut = false
    private var completedAt: UInt64 = 0

    init(plan: Plan, shared: Shared, number: Int) throws(Failure) {
        self.plan = plan
        self.shared = shared
        board = shared.boards[number]
        let subscribers = plan.subscribers(of: number)
        members = subscribers.count
        links = try Links(
            target: plan.target, subscription: plan.subscription(of: number), members: members,
            publishing: number == 0 ? plan.publishing : nil, messageBytes: plan.bytes,
            wake: board.wake)
        receipt = Receipt(
            book: PayloadBook(run: plan.run, bytes: plan.bytes), sentAt: shared.sentAt,
            timesKept: plan.timesKept, audience: plan.streams.audience(of: subscribers),
            window: plan.pace.window)
    }

    /// The other threads' loop.
    mutating func follow() throws(Failure) {
        while shared.phase != .stopped {
            try turn(waitingAtMost: 100_000_000)
            if note() { shared.boards[0].wakeUp() }
        }
        finish()
    }

    /// Thread 0's loop.
    mutating func lead(_ conductor: inout Conductor, _ publishing: Publishing) throws(Failure) {
        var publisher = Publisher(first: members, plan: plan, publishing: publishing)
        let all = members + publishing.connections
        var publishers = members
        var wait: UInt64 = 0
        while shared.phase != .stopped {
            while publishers < all, links.opening < plan.openingMax {
                try links.open(publishers, as: .publisher)
                publishers += 1
            }
            try turn(waitingAtMost: min(wait, 20_000_000))
            _ = note()
            let now = Clock.now()
            wait = .max
            switch try conductor.step(now: now, shared) {
            case .publish:
                wait = try publisher.publish(
                    now: now, completed: shared.completed, sentAt: shared.sentAt, links)
                shared.notePublished(publisher.published)
            case .flush: try publisher.flush(links)
            case .wait: break
            }
        }
        finish()
    }

    private mutating func turn(waitingAtMost wait: UInt64) throws(Failure) {
        let phase = shared.phase
        if phase == .returning, !hasCut { try cut() }
        while begun < members, links.opening < plan.openingMax {
            try links.open(begun, as: .subscriber)
            begun += 1
        }
        receipt.isMeasuring = phase == plan.measuredPhase
        try links.turn(waitingAtMost: wait, &receipt)
    }

    private mutating func cut() throws(Failure) {
        try links.cut()
        hasCut = true
        begun = 0
        board.counters.pointee.opened.store(links.opened, ordering: .relaxed)
        board.counters.pointee.cut.store(members, ordering: .releasing)
    }

    /// Puts this thread's counts on its board.
    ///
    /// - Returns: whether the publisher may have waited for this.
    private mutating func note() -> Bool {
        if board.counters.pointee.opened.load(ordering: .relaxed) != links.opened {
            board.counters.pointee.opened.store(links.opened, ordering: .relaxed)
        }
        if let failure = links.firstFailure {
            shared.note(failure: failure)
            board.counters.pointee.failed.store(links.failed, ordering: .relaxed)
        }
        board.counters.pointee.delivered.store(receipt.delivered, ordering: .relaxed)
        let completed = hasCut ? completedByAll() : receipt.completed
        guard board.counters.pointee.completed.load(ordering: .relaxed) != completed else {
            return false
        }
        board.counters.pointee.completed.store(completed, ordering: .relaxed)
        return true
    }

    /// What `Receipt.completed` would be if there were a window.
    private mutating func completedByAll() -> UInt64 {
        let now = Clock.now()
        guard now > completedAt + Self.completedEvery else {
            return board.counters.pointee.completed.load(ordering: .relaxed)
        }
        completedAt = now
        var completed = UInt64.max
        for index in 0..<members {
            completed = min(completed, links.accounts(index).orders[0].next)
        }
        return completed
    }

    private mutating func finish() {
        for index in 0..<members {
            let (orders, streams) = links.accounts(index)
            for place in orders.indices {
                receipt.noteEnd(
                    published: plan.streams.messages(
                        of: Int(streams[place]), published: shared.published),
                    next: orders[place].next, isConnected: links.isOpen(index))
            }
        }
        let outcome = Outcome(
            tally: receipt.tally, latency: receipt.latency, returns: links.returns)
        board.outcome.withLock { $0 = outcome }
    }
}
