// Measures handshakes: each connection is closed as soon as it is open, and opened again.

import Glibc

struct Churning: ~Copyable {
    private let target: Target
    private let processes: [Int32]
    private let concurrency: Int
    private var progress: Progress
    private let wake = makeWakeDescriptor()

    private struct Reading {
        let time: UInt64
        let opened: Int
        let server: ProcessUsage
    }

    init(target: Target, processes: [Int32], concurrency: Int, showsProgress: Bool) {
        progress = Progress(isOn: showsProgress)
        self.target = target
        self.processes = processes
        self.concurrency = concurrency
    }

    deinit { close(wake) }

    mutating func run(warmupSeconds: Double, seconds: Double) throws(Failure) -> Report {
        guard target.transport != .poll else {
            throw Failure("a long-poll has no answer to wait for")
        }
        let links = try Links(
            target: target, members: concurrency, messageBytes: 65_536, wake: wake)
        links.closesWhenOpen = true
        let unused = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        defer { unused.deallocate() }
        var receipt = Receipt(
            book: PayloadBook(run: 0, bytes: PayloadBook.bytesMin), sentAt: unused, timesKept: 1,
            audience: [1], window: 0)
        try churn(warmupSeconds, links, &receipt)
        let begin = read(links)
        try churn(seconds, links, &receipt)
        let end = read(links)
        return report(begin, end, links)
    }

    private mutating func churn(
        _ seconds: Double, _ links: Links, _ receipt: inout Receipt
    ) throws(Failure) {
        let until = Clock.now() + Clock.nanoseconds(seconds)
        while Clock.now() < until {
            for index in 0..<concurrency where links.isClosed(index) {
                try links.open(index, as: .subscriber)
            }
            try links.turn(waitingAtMost: 20_000_000, &receipt)
            progress.show(now: Clock.now(), "\(links.opened) handshakes, \(links.failed) failed")
            if links.failed > 100 { throw Failure(links.firstFailure ?? "handshakes fail") }
        }
    }

    private func read(_ links: Links) -> Reading {
        Reading(time: Clock.now(), opened: links.opened, server: .of(processes))
    }

    private func report(
        _ begin: Reading, _ end: Reading, _ links: Links
    ) -> Report {
        let count = Double(end.opened - begin.opened)
        let seconds = Double(end.time - begin.time) / 1e9
        var report = Report(
            measurement: "churn", target: target, load: "\(concurrency) at once")
        report.add("handshakes a second", count / seconds, "/s")
        if !processes.isEmpty {
            let user = end.server.user - begin.server.user
            let system = end.server.system - begin.server.system
            report.add("server CPU a handshake", (user + system) / count, "µs")
            report.add("server user", user / count, "µs")
            report.add("server system", system / count, "µs")
        }
        var tally = Tally()
        tally.closed = UInt64(links.failed)
        report.tally = tally
        report.note = links.firstFailure
        return report
    }
}
