import ArgumentParser
import Figures

struct OpenLoop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openloop",
        abstract: "Publishes at a fixed rate; latency counts from when a message was due.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var load: LoadOptions
    @OptionGroup var publisher: PublisherOptions

    @Option(help: "Messages a second.")
    var rate = 100.0

    mutating func validate() throws {
        guard (0.1...100_000).contains(rate) else { throw ValidationError("--rate: 0.1 to 100000") }
    }

    func run() throws {
        let plan = try publisher.plan(load, server, .rate(rate))
        let words = "\(load.subscribers) x \(load.bytes) B, \(rounded(rate)) messages a second"
        try server.finish(Measurement.run(plan, named: "openloop", load: words + publisher.words))
    }
}
