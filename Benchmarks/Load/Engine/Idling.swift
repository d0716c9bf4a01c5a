// Measures what connections cost that do nothing: user memory, and the kernel's apart from it.

import Glibc

struct Idling: ~Copyable {
    private let target: Target
    private let processes: [Int32]
    private var wake = makeWakeDescriptor()

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

    init(target: Target, processes: [Int32]) {
        self.target = target
        self.processes = processes
    }

    deinit { close(wake) }

    /// - Parameters:
    ///   - first: connections opened before the first reading.
    ///   - settleSecondsMax: the longest wait for memory to stop growing, twice.
    mutating func run(
        first: Int, connections: Int, settleSecondsMax: Double
    ) throws(Failure) -> Report {
        let total = first + connections
        let links = try Links(
            target: target, capacity: total, addressBase: 0, messageBytes: 65_536, wake: wake)
        let unused = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        defer { unused.deallocate() }
        var receipt = Receipt(
            book: PayloadBook(run: 0, bytes: PayloadBook.bytesMin), sentAt: unused, members: 0,
            window: 0)
        let began = Clock.now()
        try open(0..<first, links, &receipt)
        let before = try settle(settleSecondsMax, links, &receipt)
        try open(first..<total, links, &receipt)
        let after = try settle(settleSecondsMax, links, &receipt)
        let each = Double(connections)
        var report = Report(
            measurement: "idle", target: target, load: "\(connections) connections")
        report.add("user memory", Double(after.user - before.user) / each, "B")
        let buffers = Double(after.socketBuffers - before.socketBuffers)
        report.add("kernel socket buffers", buffers / each, "B, both ends")
        report.add("kernel slab", Double(after.slab - before.slab) / each, "B, both ends")
        report.add("user memory in all", Double(after.user) / 1_048_576, "MiB")
        report.add("took", Double(Clock.now() - began) / 1e9, "s")
        var tally = Tally()
        tally.closed = UInt64(links.failed)
        report.tally = tally
        report.note = links.firstFailure
        return report
    }

    private func open(
        _ range: Range<Int>, _ links: Links, _ receipt: inout Receipt
    ) throws(Failure) {
        let limit = Clock.now() + Clock.nanoseconds(15 + Double(range.count) * 0.005)
        var next = range.lowerBound
        while links.opened + links.failed < range.upperBound {
            while next < range.upperBound, links.opening < Links.openingMax {
                try links.open(next, as: .subscriber)
                next += 1
            }
            try links.turn(waitingAtMost: 20_000_000, &receipt)
            if links.failed > 0 {
                throw Failure("\(links.firstFailure ?? "") after \(links.opened) connections")
            }
            if Clock.now() > limit { throw Failure("only \(links.opened) connections opened") }
        }
    }

    /// Waits until user memory has not grown for a second and a half, reading what comes.
    private func settle(
        _ secondsMax: Double, _ links: Links, _ receipt: inout Receipt
    ) throws(Failure) -> Memory {
        let limit = Clock.now() + Clock.nanoseconds(secondsMax)
        var last = Memory.read(processes)
        var quiet = 0
        while quiet < 3, Clock.now() < limit {
            let until = Clock.now() + 500_000_000
            while Clock.now() < until { try links.turn(waitingAtMost: 100_000_000, &receipt) }
            let now = Memory.read(processes)
            quiet = abs(now.user - last.user) <= 65_536 ? quiet + 1 : 0
            last = now
        }
        return last
    }
}
