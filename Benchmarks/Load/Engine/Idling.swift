// Measures what connections cost that do nothing: user memory, and the kernel's apart from it.

import FoundationEssentials
import Glibc
import Synchronization

struct Idling: ~Copyable {
    private let target: Target
    private let processes: [Int32]
    private let holders: Int
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
    init(target: Target, processes: [Int32], holders: Int, showsProgress: Bool) {
        self.target = target
        self.processes = processes
        self.holders = holders
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
        let (target, holders) = (target, holders)
        var siblings = try Siblings(holders - 1) { number in
            let outcome = Holder.hold(target, shared, number, of: holders, total)
            return (try? JSONEncoder().encode(outcome)).map(Array.init) ?? []
        }
        var holder = try Holder(target, shared, number: 0, of: holders, total)
        var report: Report
        do throws(Failure) {
            let began = Clock.now()
            try open(first, shared, &holder)
            let before = try settle(settleSecondsMax, shared, &holder)
            try open(total, shared, &holder)
            let after = try settle(settleSecondsMax, shared, &holder)
            report = self.report(before, after, connections)
            report.add("took", Double(Clock.now() - began) / 1e9, "s")
        } catch {
            shared.stop(error)
            _ = try? siblings.join()
            throw error
        }
        shared.phase = .stopped
        var outcome = holder.outcome()
        for left in try siblings.join() {
            guard let other = try? JSONDecoder().decode(Outcome.self, from: Data(left)) else {
                throw Failure("a process of the generator left nothing")
            }
            outcome.add(other)
        }
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
        _ count: Int, _ shared: Shared, _ holder: inout Holder
    ) throws(Failure) {
        let limit = Clock.now() + Clock.nanoseconds(15 + Double(count) * 0.005)
        for number in 0..<holders {
            let goal = Holder.share(of: count, number, of: holders)
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

/// One process's part of them.
private struct Holder: ~Copyable {
    private let board: Board
    private let links: Links
    private var receipt: Receipt
    private var begun = 0

    /// How many of `count` fall to holder `number`.
    static func share(of count: Int, _ number: Int, of holders: Int) -> Int {
        count / holders + (number < count % holders ? 1 : 0)
    }

    init(
        _ target: Target, _ shared: Shared, number: Int, of holders: Int, _ total: Int
    ) throws(Failure) {
        board = shared.boards[number]
        let before = (0..<number).reduce(0) { $0 + Self.share(of: total, $1, of: holders) }
        links = try Links(
            target: target,
            subscription: Subscription(streams: .one, resumes: false, first: before),
            members: Self.share(of: total, number, of: holders), messageBytes: 65_536,
            wake: board.wake)
        // No message is expected, so none is counted.
        receipt = Receipt(
            book: PayloadBook(run: 0, bytes: PayloadBook.bytesMin), sentAt: shared.sentAt,
            timesKept: 1, audience: [1], window: 0)
    }

    /// A whole holder, in a process of its own.
    static func hold(
        _ target: Target, _ shared: Shared, _ number: Int, of holders: Int, _ total: Int
    ) -> Outcome {
        do throws(Failure) {
            var holder = try Holder(target, shared, number: number, of: holders, total)
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
    }

    var failure: String? { links.firstFailure }

    func outcome() -> Outcome {
        Outcome(tally: receipt.tally, failure: links.firstFailure)
    }
}
