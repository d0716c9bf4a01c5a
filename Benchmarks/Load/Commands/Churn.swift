import ArgumentParser

struct Churn: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connects, shakes hands, closes, again and again; measures the CPU each takes.")

    @OptionGroup var server: ServerOptions

    @Option(help: "How many connections are on their way at once.")
    var concurrency = 16

    @Option var seconds = 5.0

    @Option(help: "Seconds of the same load before that.")
    var warmup = 1.0

    mutating func validate() throws {
        guard (1...Links.openingMax).contains(concurrency) else {
            throw ValidationError("--concurrency: 1 to \(Links.openingMax)")
        }
        guard (0.1...60).contains(seconds), (0...60).contains(warmup) else {
            throw ValidationError("seconds out of range")
        }
    }

    func run() throws {
        Sockets.raiseDescriptorLimit()
        var churning = try Churning(
            target: server.target(), processes: server.processes, concurrency: concurrency,
            showsProgress: server.showsProgress)
        try server.finish(churning.run(warmupSeconds: warmup, seconds: seconds))
    }
}
