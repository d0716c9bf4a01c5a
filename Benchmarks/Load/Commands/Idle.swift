import ArgumentParser

struct Idle: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens connections that stay silent; measures the memory each takes.")

    @OptionGroup var server: ServerOptions

    @Option var connections = 19_000

    @Option(help: "How many to open first and not count, for what a server allocates once.")
    var first = 100

    @Option(help: "Processes of the generator; each may open as many descriptors.")
    var processes = 1

    @Option(help: "The longest to wait until memory no longer grows, in seconds.")
    var settleMax = 20.0

    mutating func validate() throws {
        guard (1...64).contains(processes) else { throw ValidationError("--processes: 1 to 64") }
        let most = (Sockets.raiseDescriptorLimit() - 64) * processes
        guard connections >= processes, first >= 0, connections + first <= most else {
            throw ValidationError("--connections: \(most - first) descriptors allow")
        }
        guard !server.processes.isEmpty else { throw ValidationError("--pid is needed") }
        guard (1...600).contains(settleMax) else { throw ValidationError("--settle-max: 1 to 600") }
    }

    func run() throws {
        var idling = try Idling(
            target: server.target(), processes: server.processes, holders: processes,
            showsProgress: server.showsProgress)
        try server.finish(
            idling.run(first: first, connections: connections, settleSecondsMax: settleMax))
    }
}
