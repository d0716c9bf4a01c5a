import ArgumentParser
import Harness

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

    @Option(help: "Messages a second, \(Pace.rates.words).")
    var rate = 100.0

    private static let atOnceRange = 1...4096
    @Option(help: "Connections of each thread on their way in at once, \(atOnceRange.words).")
    var atOnce = 256

    mutating func validate() throws {
        try Pace.rates.check(rate, "--rate")
        try Self.atOnceRange.check(atOnce, "--at-once")
        guard publisher.publishers == 1 else {
            throw ValidationError(
                "--publishers is 1, not \(publisher.publishers): what all have received has one order"
            )
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
