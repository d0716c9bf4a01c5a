// Numbers as people read them, and tables of several reports.

import Glibc
import Testing

@testable import carillon_bench

@Suite struct ReportTests {
    @Test(arguments: [
        (0.0, "0.000"), (0.0567, "0.057"), (0.9996, "1.000"), (1.5, "1.50"), (12.34, "12.3"),
        (99.96, "100.0"), (1234.5, "1235"), (-0.5, "-0.500"), (.infinity, "–"), (.nan, "–"),
    ])
    func `a number keeps three digits or more`(_ value: Double, _ text: String) {
        #expect(rounded(value) == text)
    }

    static func report(_ server: ServerKind, cpu: Double) throws -> Report {
        let target = try Target(
            server: server, transport: .ws, host: 0x7f00_0001, port: 1, channel: "c", tls: nil)
        var report = Report(measurement: "fanout", target: target, load: "2 x 32 B")
        report.add("server CPU", cpu, "µs")
        report.tally = Tally()
        return report
    }

    @Test func `a ratio is the median of the rounds' ratios`() throws {
        // The second round was disturbed, for both alike.
        let reports = try [
            Self.report(.floor, cpu: 1), Self.report(.floor, cpu: 10), Self.report(.floor, cpu: 1),
            Self.report(.carillon, cpu: 2), Self.report(.carillon, cpu: 20),
            Self.report(.carillon, cpu: 4),
        ]
        let table = Comparison(reports).markdown()
        #expect(table.contains("| floor ws | 1.00 | 1.00–10.0 | 1.00 | 3 | none |"))
        #expect(table.contains("| carillon ws | 4.00 | 2.00–20.0 | 2.00 | 3 | none |"))
    }

    @Test func `a lost message shows in the table, one still on its way as being behind`() throws {
        var report = try Self.report(.nchan, cpu: 1)
        report.tally?.unfinished = 1
        #expect(Comparison([report]).markdown().contains("| none, behind |"))
        report.tally?.lost = 1
        #expect(Comparison([report]).markdown().contains("| SOME |"))
    }

    @Test func `a server is not asked for a transport it lacks`() {
        #expect(throws: Failure.self) {
            try Target(
                server: .nodews, transport: .sse, host: 0, port: 1, channel: "c", tls: nil)
        }
    }

    @Test func `a process is found among its parent's descendants`() {
        #expect(Proc.withDescendants([getppid()]).contains(getpid()))
        #expect(!Proc.withDescendants([getpid()]).contains(getppid()))
    }

    @Test func `this process's memory can be read`() {
        #expect(Proc.proportionalBytes([getpid()]) > 1_000_000)
        #expect(Proc.number("Pss:", in: "Rss: 5 kB\nPss:   12 kB\n") == 12)
        #expect(Proc.number("Pss:", in: "Rss: 5 kB\n") == nil)
    }
}
