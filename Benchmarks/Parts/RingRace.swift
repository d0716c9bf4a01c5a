import ArgumentParser
import Harness
import Workloads

struct RingRace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ring",
        abstract: "Times the ring: writers publish, and readers drain all, each on a thread.",
        discussion: "A figure is the time of a run over the messages in it: a median of the runs.")

    private static let threads = 1...16
    private static let counts = 1_000...100_000_000
    private static let runsRange = 1...1_000

    @Option(help: "Threads that publish, \(threads.words).")
    var writers = 2

    @Option(help: "Threads that read all messages, \(threads.words).")
    var readers = 2

    @Option(help: "Messages of a run, of all writers together, \(counts.words).")
    var messages = 1_000_000

    @Option(help: "Runs, \(runsRange.words).")
    var runs = 15

    @Option(help: "Also write the figures to this file.")
    var json: String?

    mutating func validate() throws {
        try Self.threads.check(writers, "--writers")
        try Self.threads.check(readers, "--readers")
        try Self.counts.check(messages, "--messages")
        try Self.runsRange.check(runs, "--runs")
    }

    func run() throws {
        let each = messages / writers
        let times = (0..<runs).map { _ in
            var began = 0.0
            raceRing(writers: writers, readers: readers, messages: each) { began = wallSeconds() }
            return (wallSeconds() - began) / Double(each * writers) * 1e9
        }.sorted()
        var report = PartReport(
            measurement: "ring",
            load:
                "\(writers) writers, \(readers) readers, \(runs) runs of \(each * writers) messages"
        )
        report.add("publish to drain", times[runs / 2], "ns a message")
        report.add("publish to drain, least", times[0], "ns a message")
        report.add("publish to drain, most", times[runs - 1], "ns a message")
        try report.finish(json)
    }
}
