import ArgumentParser
import Workloads

struct RingRace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ring",
        abstract: "Times the ring: writers publish, and readers drain all, each on a thread.",
        discussion: "A figure is the time of a run over the messages in it: a median of the runs.")

    @Option(help: "Threads that publish: 1 to 16.")
    var writers = 2

    @Option(help: "Threads that read all messages: 1 to 16.")
    var readers = 2

    @Option(help: "Messages of a run, of all writers together: 1,000 to 100,000,000.")
    var messages = 1_000_000

    @Option(help: "Runs: 1 to 1,000.")
    var runs = 15

    @Option(help: "Also write the figures to this file.")
    var json: String?

    mutating func validate() throws {
        guard (1...16).contains(writers) else { throw ValidationError("--writers: 1 to 16") }
        guard (1...16).contains(readers) else { throw ValidationError("--readers: 1 to 16") }
        guard (1_000...100_000_000).contains(messages) else {
            throw ValidationError("--messages: 1,000 to 100,000,000")
        }
        guard (1...1_000).contains(runs) else { throw ValidationError("--runs: 1 to 1,000") }
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
