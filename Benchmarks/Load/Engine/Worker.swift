// One thread: its subscribers, and in thread 0 also the publisher and the conductor.

import Glibc
import Synchronization

struct Worker: ~Copyable {
    private let plan: Plan
    private let shared: Shared
    private let board: Board
    private let members: Int
    private let isFirst: Bool
    private let links: Links
    private var receipt: Receipt
    private var begun = 0

    init(plan: Plan, shared: Shared, thread: Int) throws(Failure) {
        self.plan = plan
        self.shared = shared
        board = shared.boards[thread]
        members = plan.subscribers(ofThread: thread)
        isFirst = thread == 0
        links = try Links(
            target: plan.target, capacity: members + 1,
            addressBase: thread * (plan.subscribers + 1), messageBytes: plan.bytes,
            wake: board.wake)
        receipt = Receipt(
            book: PayloadBook(run: plan.run, bytes: plan.bytes), sentAt: shared.sentAt,
            members: members, window: plan.pace.window)
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
    mutating func lead(_ conductor: inout Conductor) throws(Failure) {
        var publisher = Publisher(
            index: members, book: PayloadBook(run: plan.run, bytes: plan.bytes), pace: plan.pace)
        try links.open(members, as: .publisher)
        var wait: UInt64 = 0
        while shared.phase != .stopped {
            try turn(waitingAtMost: min(wait, 20_000_000))
            _ = note()
            let now = Clock.now()
            wait = .max
            switch try conductor.step(now: now, shared) {
            case .publish:
                wait = try publisher.publish(
                    now: now, completed: shared.completed, sentAt: shared.sentAt, links)
                shared.published.store(publisher.published, ordering: .relaxed)
            case .flush: try publisher.flush(links)
            case .wait: break
            }
        }
        finish()
    }

    private mutating func turn(waitingAtMost wait: UInt64) throws(Failure) {
        while begun < members, links.opening < Links.openingMax {
            try links.open(begun, as: .subscriber)
            begun += 1
        }
        receipt.isMeasuring = shared.phase == .measuring
        try links.turn(waitingAtMost: wait, &receipt)
    }

    /// Puts this thread's counts on its board.
    ///
    /// - Returns: whether the publisher may have waited for this.
    private func note() -> Bool {
        if board.opened.load(ordering: .relaxed) != links.opened {
            board.opened.store(links.opened, ordering: .relaxed)
        }
        if let failure = links.firstFailure {
            shared.note(failure: failure)
            board.failed.store(links.failed, ordering: .relaxed)
        }
        board.delivered.store(receipt.delivered, ordering: .relaxed)
        guard board.completed.load(ordering: .relaxed) != receipt.completed else { return false }
        board.completed.store(receipt.completed, ordering: .relaxed)
        return true
    }

    private mutating func finish() {
        let published = shared.published.load(ordering: .relaxed)
        for index in 0..<members {
            receipt.noteEnd(
                published: published, next: links.next(index), isConnected: links.isOpen(index))
        }
        let outcome = Board.Outcome(tally: receipt.tally, latency: receipt.latency)
        board.outcome.withLock { $0 = outcome }
    }
}
