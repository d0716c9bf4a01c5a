import ArgumentParser

struct Fanout: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "One channel to many subscribers, as fast as they all follow (closed loop).")

    @OptionGroup var server: ServerOptions
    @OptionGroup var load: LoadOptions
    @OptionGroup var publisher: PublisherOptions

    @Option(help: "The most messages published and not yet received by all.")
    var window = 8

    mutating func validate() throws {
        guard (1...4096).contains(window) else { throw ValidationError("--window: 1 to 4096") }
    }

    func run() throws {
        let plan = try publisher.plan(load, server, .window(window))
        let words = "\(load.subscribers) x \(load.bytes) B, window \(window)"
        try server.finish(Measurement.run(plan, named: "fanout", load: words + publisher.words))
    }
}
