import ArgumentParser
import Harness

struct Echo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Each connection sends on a channel of its own, and waits for what it sent.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var load: LoadOptions

    private static let windows = 1...256
    @Option(help: "The most messages of each connection that are on their way, \(windows.words).")
    var window = 1

    mutating func validate() throws {
        try Self.windows.check(window, "--window")
        guard load.bytes * window <= 1 << 17 else {
            throw ValidationError(
                "--bytes times --window is \(1 << 17) at most, to fit into a socket, "
                    + "not \(load.bytes * window)")
        }
        guard server.transport == .ws else {
            throw ValidationError("--transport is ws, not \(server.transport.rawValue)")
        }
    }

    func run() throws {
        try server.server.require("echo", ServerKind.withEcho)
        var plan = load.plan(server, try server.target(), .none)
        plan.work = .echo(window: window)
        plan.streams = Streams(
            count: powerOfTwo(from: load.subscribers), each: 1, areChannels: true)
        let words = "\(load.subscribers) x \(load.bytes) B, window \(window)"
        try server.finish(Measurement.run(plan, named: "echo", load: words))
    }
}
