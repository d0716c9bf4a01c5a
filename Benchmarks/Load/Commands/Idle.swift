import ArgumentParser

struct Idle: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens connections that stay silent; measures the memory each takes.")

    @OptionGroup var server: ServerOptions

    @Option(help: "As many as --processes can open.")
    var connections = 19_000

    @Option(help: "How many to open first and not count, for what a server allocates once.")
    var first = 100

    @Option(help: "Processes of the generator, 1 to 64; each may open as many descriptors.")
    var processes = 1

    @Option(help: "The longest to wait until memory no longer grows, in seconds, 1 to 600.")
    var settleMax = 20.0

    @Option(
        help: """
            Afterwards publishes a message, by POST, at this port: each connection has to receive \
            one. May be repeated, once for each process of a server that shares --port.
            """)
    var tell: [UInt16] = []

    mutating func validate() throws {
        guard (1...64).contains(processes) else { throw ValidationError("--processes: 1 to 64") }
        let most = (Sockets.raiseDescriptorLimit() - 64) * processes - first
        guard first >= 0, (processes...max(processes, most)).contains(connections) else {
            throw ValidationError(
                "--connections: \(processes) to \(most), as descriptors allow, with --first \(first)"
            )
        }
        guard !server.processes.isEmpty else { throw ValidationError("--pid is needed") }
        guard (1...600).contains(settleMax) else { throw ValidationError("--settle-max: 1 to 600") }
    }

    func run() throws {
        if !tell.isEmpty { try server.server.require("publishing by POST", ServerKind.withPosts) }
        var idling = try Idling(
            target: server.target(), processes: server.processes, holders: processes, tell: tell,
            showsProgress: server.showsProgress)
        try server.finish(
            idling.run(first: first, connections: connections, settleSecondsMax: settleMax))
    }
}
