// Numbers as people read them, and what a report is about.

import Harness
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

    @Test(arguments: [(1, true), (16, true), (0, false), (17, false)])
    func `an option is refused out of its range and not at its ends`(_ value: Int, _ isIn: Bool) {
        #expect((1...16).words == "1 to 16" && (0.1...60.0).words == "0.1 to 60")
        do {
            try (1...16).check(value, "--threads")
            #expect(isIn)
        } catch {
            #expect(!isIn && "\(error)".contains("--threads is 1 to 16, not \(value)"))
        }
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
