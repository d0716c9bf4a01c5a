import ArgumentParser
import Figures

struct Storm: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Cuts all subscribers at once, who come back and go on after the last id they saw.",
        discussion: """
            Publishing at a fixed rate goes on all the while. Nothing may be lost, doubled or \
            reordered across the cut. The server must keep what is published meanwhile: for \
            carillon, start it with --history 100000.
            """)

    @OptionGroup var server: ServerOptions
    @OptionGroup var load: LoadOptions
    @OptionGroup var publisher: PublisherOptions

    @Option(help: "Messages a second.")
    var rate = 100.0

    @Option(help: "How many connections of each thread are on their way in at once.")
    var atOnce = 256

    mutating func validate() throws {
        guard (0.1...100_000).contains(rate) else { throw ValidationError("--rate: 0.1 to 100000") }
        guard (1...4096).contains(atOnce) else { throw ValidationError("--at-once: 1 to 4096") }
        guard publisher.publishers == 1 else {
            throw ValidationError("--publishers: 1, since what all have received has one order")
        }
    }

    func run() throws {
        try server.server.require("resumption", ServerKind.withResumption)
        var plan = try publisher.plan(load, server, .rate(rate))
        plan.work = .storm
        plan.openingMax = atOnce
        let words = "\(load.subscribers) x \(load.bytes) B, \(rounded(rate)) messages a second"
        try server.finish(Measurement.run(plan, named: "storm", load: words + publisher.words))
    }
}
