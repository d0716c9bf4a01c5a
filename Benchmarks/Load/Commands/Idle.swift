import ArgumentParser

struct Idle: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens connections that stay silent; measures the memory each takes.")

    @OptionGroup var server: ServerOptions

    @Option var connections = 19_000

    @Option(help: "How many to open first and not count, for what a server allocates once.")
    var first = 100

    @Option(help: "The longest to wait until memory no longer grows, in seconds.")
    var settleMax = 20.0

    mutating func validate() throws {
        let descriptors = Sockets.raiseDescriptorLimit()
        guard connections >= 1, first >= 0, connections + first <= descriptors - 64 else {
            throw ValidationError("--connections: \(descriptors - 64 - first) descriptors allow")
        }
        guard !server.processes.isEmpty else { throw ValidationError("--pid is needed") }
        guard (1...600).contains(settleMax) else { throw ValidationError("--settle-max: 1 to 600") }
    }

    func run() throws {
        var idling = try Idling(target: server.target(), processes: server.processes)
        try server.finish(
            idling.run(first: first, connections: connections, settleSecondsMax: settleMax))
    }
}
