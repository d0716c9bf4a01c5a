import ArgumentParser
import Harness

struct OpenLoop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openloop",
        abstract: "Publishes at a fixed rate; latency counts from when a message was due.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var load: LoadOptions
    @OptionGroup var publisher: PublisherOptions

    @Option(help: "Messages a second, \(Pace.rates.words).")
    var rate = 100.0

    mutating func validate() throws {
        try Pace.rates.check(rate, "--rate")
    }

    func run() throws {
        let plan = try publisher.plan(load, server, .rate(rate))
        let words = "\(load.subscribers) x \(load.bytes) B, \(rounded(rate)) messages a second"
        try server.finish(Measurement.run(plan, named: "openloop", load: words + publisher.words))
    }
}
