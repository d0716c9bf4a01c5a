// Measures what connections cost that do nothing: user memory, and the kernel's apart from it.

import Glibc
import Synchronization

struct Idling: ~Copyable {
    private let target: Target
    private let processes: [Int32]
    private let holders: Int
    private let tell: [UInt16]
    private var progress: Progress

    /// The kernel's is that of all processes of the machine, the generator's among them: those are
    /// all there before the first reading.
    private struct Memory {
        var user: Int
        var socketBuffers: Int
        var slab: Int

        static func read(_ processes: [Int32]) -> Memory {
            Memory(
                user: Proc.proportionalBytes(processes),
                socketBuffers: Proc.socketBufferBytes(), slab: Proc.slabBytes())
        }
    }

    /// - Parameters:
    ///   - processes: the server's.
    ///   - holders: processes of the generator.
    ///   - tell: the ports at which the message to all is published; none: there is none.
    init(
        target: Target, processes: [Int32], holders: Int, tell: [UInt16], showsProgress: Bool
    ) {
        self.target = target
        self.processes = processes
        self.holders = holders
        self.tell = tell
        progress = Progress(isOn: showsProgress)
    }

    /// - Parameters:
    ///   - first: connections opened before the first reading.
    ///   - settleSecondsMax: the longest wait for memory to stop growing, twice.
    mutating func run(
        first: Int, connections: Int, settleSecondsMax: Double
    ) throws(Failure) -> Report {
        let total = first + connections
        let shared = try Shared(workers: holders, timesKept: 1)
        let part = Part(
            target: target, run: .random(in: 1 ... .max), holders: holders, total: total)
        var siblings = try Siblings(holders - 1) { Holder.hold(part, shared, $0).encoded() }
        var holder = try Holder(part, shared, number: 0)
        var report: Report
        do throws(Failure) {
            let began = Clock.now()
            try open(first, part, shared, &holder)
            let before = try settle(settleSecondsMax, shared, &holder)
            let opening = Clock.now()
            try open(total, part, shared, &holder)
            let opened = Clock.now()
            let after = try settle(settleSecondsMax, shared, &holder)
            report = self.report(before, after, connections)
            report.add("opening", Double(opened - opening) / 1e9, "s")
            if !tell.isEmpty {
                let seconds = try tellAll(part, shared, &holder)
                report.add("message to all", seconds * 1e3, "ms")
            }
            report.add("took", Double(Clock.now() - began) / 1e9, "s")
        } catch {
            shared.stop(error)
            _ = try? siblings.join()
            throw error
        }
        shared.phase = .stopped
        var outcome = holder.outcome()
        for left in try siblings.join() { outcome.add(try Outcome(left)) }
        report.tally = outcome.tally
        report.note = outcome.failure
        return report
    }

    private func report(_ before: Memory, _ after: Memory, _ connections: Int) -> Report {
        let each = Double(connections)
        var report = Report(
            measurement: "idle", target: target, load: "\(connections) connections")
        report.add("user memory", Double(after.user - before.user) / each, "B")
        let buffers = Double(after.socketBuffers - before.socketBuffers)
        report.add("kernel socket buffers", buffers / each, "B, both ends")
        report.add("kernel slab", Double(after.slab - before.slab) / each, "B, both ends")
        report.add("user memory in all", Double(after.user) / 1_048_576, "MiB")
        return report
    }

    /// Goes on until `count` connections are open.
    private mutating func open(
        _ count: Int, _ part: Part, _ shared: Shared, _ holder: inout Holder
    ) throws(Failure) {
        let limit = Clock.now() + Clock.nanoseconds(15 + Double(count) * 0.005)
        for number in 0..<holders {
            let goal = part.share(of: count, number)
            shared.boards[number].counters.pointee.goal.store(goal, ordering: .relaxed)
            shared.boards[number].wakeUp()
        }
        while shared.opened < count {
            try holder.turn(waitingAtMost: 20_000_000)
            progress.show(now: Clock.now(), shared, of: count)
            if shared.failed > 0 {
                throw Failure("\(holder.failure ?? "one failed"), after \(shared.opened) were open")
            }
            if Clock.now() > limit || shared.phase == .stopped {
                throw Failure("only \(shared.opened) connections opened")
            }
        }
    }

    /// Publishes one message at each port; each of the server's processes tells its own connections.
    ///
    /// - Returns: seconds from the first publish until all connections have received it.
    private mutating func tellAll(
        _ part: Part, _ shared: Shared, _ holder: inout Holder
    ) throws(Failure) -> Double {
        var book = part.book()
        let message = UnsafeRawBufferPointer(start: book.message(0), count: book.bytes)
        let request = target.postHead(target.channel, count: message.count) + message
        let began = Clock.now()
        shared.sentAt[0] = began
        for port in tell {
            let status = try Sockets.ask(target.host, port, request)
            guard (200...299).contains(status) else {
                throw Failure("port \(port) answered a publish with \(status)")
            }
        }
        let limit = began + Clock.nanoseconds(10 + Double(part.total) * 1e-4)
        while shared.delivered < part.total {
            try holder.turn(waitingAtMost: 1_000_000)
            progress.show(now: Clock.now(), "\(shared.delivered) of \(part.total) were told")
            guard Clock.now() < limit else {
                throw Failure("only \(shared.delivered) of \(part.total) received the message")
            }
        }
        return Double(Clock.now() - began) / 1e9
    }

    /// Waits until user memory has not grown for a second and a half, reading what comes.
    private mutating func settle(
        _ secondsMax: Double, _ shared: Shared, _ holder: inout Holder
    ) throws(Failure) -> Memory {
        let limit = Clock.now() + Clock.nanoseconds(secondsMax)
        var last = Memory.read(processes)
        var quiet = 0
        while quiet < 3, Clock.now() < limit {
            let until = Clock.now() + 500_000_000
            while Clock.now() < until {
                try holder.turn(waitingAtMost: 100_000_000)
                progress.show(now: Clock.now(), "\(shared.opened) open, \(last.user) B")
            }
            let now = Memory.read(processes)
            quiet = abs(now.user - last.user) <= 65_536 ? quiet + 1 : 0
            last = now
        }
        return last
    }
}

/// What all processes of the generator know of their work.
private struct Part: Sendable {
    let target: Target
    /// Of the message to all.
    let run: UInt32
    let holders: Int
    /// Connections of all.
    let total: Int

    /// How many of `count` fall to holder `number`.
    func share(of count: Int, _ number: Int) -> Int {
        count / holders + (number < count % holders ? 1 : 0)
    }

    func book() -> PayloadBook { PayloadBook(run: run, bytes: 128) }
}

/// One process's part of them.
private struct Holder: ~Copyable {
    private let board: Board
    private let links: Links
    private var receipt: Receipt
    private var begun = 0

    init(_ part: Part, _ shared: Shared, number: Int) throws(Failure) {
        board = shared.boards[number]
        let before = (0..<number).reduce(0) { $0 + part.share(of: part.total, $1) }
        links = try Links(
            target: part.target,
            subscription: Subscription(streams: .one, resumes: false, first: before),
            members: part.share(of: part.total, number), messageBytes: 65_536, wake: board.wake)
        receipt = Receipt(
            book: part.book(), sentAt: shared.sentAt, timesKept: 1, audience: [1], window: 0)
    }

    /// A whole holder, in a process of its own.
    static func hold(_ part: Part, _ shared: Shared, _ number: Int) -> Outcome {
        do throws(Failure) {
            var holder = try Holder(part, shared, number: number)
            while shared.phase != .stopped { try holder.turn(waitingAtMost: 100_000_000) }
            return holder.outcome()
        } catch {
            shared.stop(error)
            return Outcome(failure: error.description)
        }
    }

    mutating func turn(waitingAtMost wait: UInt64) throws(Failure) {
        let goal = board.counters.pointee.goal.load(ordering: .relaxed)
        while begun < goal, links.opening < Links.openingMax {
            try links.open(begun, as: .subscriber)
            begun += 1
        }
        try links.turn(waitingAtMost: wait, &receipt)
        board.counters.pointee.opened.store(links.opened, ordering: .relaxed)
        board.counters.pointee.failed.store(links.failed, ordering: .relaxed)
        board.counters.pointee.delivered.store(receipt.delivered, ordering: .relaxed)
    }

    var failure: String? { links.firstFailure }

    func outcome() -> Outcome {
        Outcome(tally: receipt.tally, failure: links.firstFailure)
    }
}
