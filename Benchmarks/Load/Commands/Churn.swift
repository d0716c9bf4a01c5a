import ArgumentParser
import Harness

struct Churn: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connects, shakes hands, closes, again and again; measures the CPU each takes.")

    @OptionGroup var server: ServerOptions

    private static let concurrencies = 1...Links.openingMax
    @Option(help: "How many connections are on their way at once, \(concurrencies.words).")
    var concurrency = 16

    private static let times = (seconds: 0.1...60.0, warmup: 0.0...60.0)
    @Option(help: "Seconds that are measured, \(times.seconds.words).")
    var seconds = 5.0

    @Option(help: "Seconds of the same load before that, \(times.warmup.words).")
    var warmup = 1.0

    mutating func validate() throws {
        try Self.concurrencies.check(concurrency, "--concurrency")
        try Self.times.seconds.check(seconds, "--seconds")
        try Self.times.warmup.check(warmup, "--warmup")
    }

    func run() throws {
        Sockets.raiseDescriptorLimit()
        var churning = try Churning(
            target: server.target(), processes: server.processes, concurrency: concurrency,
            showsProgress: server.showsProgress)
        try server.finish(churning.run(warmupSeconds: warmup, seconds: seconds))
    }
}
