// One thread of connections that each send, and wait for their own. Thread 0 has the conductor,
// too.

import Glibc
import Synchronization

struct EchoWorker: ~Copyable {
    private let plan: Plan
    private let shared: Shared
    private let board: Board
    private let members: Int
    private let first: Int
    private let window: UInt64
    private let links: Links
    private var book: PayloadBook
    private var receipt: Receipt
    private var begun = 0
    private var hasStarted = false
    /// By each connection, and by all.
    private var sends: [UInt64]
    private var sent: UInt64 = 0
    private var frame: [UInt8] = []

    init(plan: Plan, shared: Shared, number: Int) throws(Failure) {
        self.plan = plan
        self.shared = shared
        board = shared.boards[number]
        let subscribers = plan.subscribers(of: number)
        members = subscribers.count
        first = subscribers.lowerBound
        guard case .echo(let window) = plan.work else { preconditionFailure("not an echo's plan") }
        self.window = UInt64(window)
        links = try Links(
            target: plan.target, subscription: plan.subscription(of: number), members: members,
            messageBytes: plan.bytes, wake: board.wake)
        links.collectsReceivers = true
        sends = Array(repeating: 0, count: members)
        book = PayloadBook(run: plan.run, bytes: plan.bytes)
        receipt = Receipt(
            book: PayloadBook(run: plan.run, bytes: plan.bytes), sentAt: shared.sentAt,
            timesKept: plan.timesKept, audience: plan.streams.audience(of: subscribers), window: 0)
    }

    /// The other threads' loop.
    mutating func follow() throws(Failure) {
        while shared.phase != .stopped { try turn() }
        finish()
    }

    /// Thread 0's loop.
    mutating func lead(_ conductor: inout Conductor) throws(Failure) {
        while shared.phase != .stopped {
            try turn()
            _ = try conductor.step(now: Clock.now(), shared)
        }
        finish()
    }

    private mutating func turn() throws(Failure) {
        while begun < members, links.opening < plan.openingMax {
            try links.open(begun, as: .echo)
            begun += 1
        }
        let phase = shared.phase
        receipt.isMeasuring = phase == .measuring
        if phase == .warming, !hasStarted {
            hasStarted = true
            for index in 0..<members { try send(index) }
        }
        try links.turn(waitingAtMost: 20_000_000, &receipt)
        if phase == .warming || phase == .measuring {
            for index in links.receivers where links.isOpen(index) { try send(index) }
        }
        note()
    }

    /// Sends as many as the window allows, in one write.
    private mutating func send(_ index: Int) throws(Failure) {
        let next = links.accounts(index).orders[0].next
        frame.removeAll(keepingCapacity: true)
        let now = Clock.now()
        while sends[index] < next + window {
            let sequence = sends[index] * UInt64(plan.streams.count) + UInt64(first + index)
            shared.sentAt[Int(sequence % UInt64(plan.timesKept))] = now
            let message = UnsafeRawBufferPointer(start: book.message(sequence), count: book.bytes)
            let mask = UInt32(truncatingIfNeeded: sequence &* 0x9e37_79b9_7f4a_7c15 >> 32)
            WebSocketFrames.append(message, first: 0x81, mask: mask, to: &frame)
            sends[index] += 1
            sent += 1
        }
        guard try links.write(index, frame) == frame.count else {
            throw Failure("a window of messages does not fit into a socket")
        }
    }

    private func note() {
        let counters = board.counters
        counters.pointee.opened.store(links.opened, ordering: .relaxed)
        counters.pointee.published.store(sent, ordering: .relaxed)
        counters.pointee.delivered.store(receipt.delivered, ordering: .relaxed)
        guard let failure = links.firstFailure else { return }
        shared.note(failure: failure)
        counters.pointee.failed.store(links.failed, ordering: .relaxed)
    }

    private mutating func finish() {
        for index in 0..<members {
            receipt.noteEnd(
                published: sends[index], next: links.accounts(index).orders[0].next,
                isConnected: links.isOpen(index))
        }
        let outcome = Outcome(tally: receipt.tally, latency: receipt.latency)
        board.outcome.withLock { $0 = outcome }
    }
}
