import ArgumentParser
import Harness

struct Fanout: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "One channel to many subscribers, as fast as they all follow (closed loop).")

    @OptionGroup var server: ServerOptions
    @OptionGroup var load: LoadOptions
    @OptionGroup var publisher: PublisherOptions

    @Option(help: "The most messages published and not yet received by all, \(Pace.windows.words).")
    var window = 8

    mutating func validate() throws {
        try Pace.windows.check(window, "--window")
    }

    func run() throws {
        let plan = try publisher.plan(load, server, .window(window))
        let words = "\(load.subscribers) x \(load.bytes) B, window \(window)"
        try server.finish(Measurement.run(plan, named: "fanout", load: words + publisher.words))
    }
}
