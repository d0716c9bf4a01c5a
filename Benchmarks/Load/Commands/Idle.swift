import ArgumentParser
import Harness

struct Idle: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens connections that stay silent; measures the memory each takes.")

    @OptionGroup var server: ServerOptions

    @Option(help: "At most as many as --processes can open.")
    var connections = 19_000

    @Option(help: "Opened first and not counted, for what a server allocates once; 0 or more.")
    var first = 100

    @Option(
        help: """
            Processes of the generator, \(LoadOptions.processesRange.words); each may open as many \
            descriptors.
            """)
    var processes = 1

    private static let settling = 1.0...600.0
    @Option(help: "The longest wait until memory no longer grows, seconds, \(settling.words).")
    var settleMax = 20.0

    @Option(
        help: """
            Afterwards publishes a message, by POST, at this port: each connection has to receive \
            one. May be repeated, once for each process of a server that shares --port.
            """)
    var tell: [UInt16] = []

    mutating func validate() throws {
        try LoadOptions.processesRange.check(processes, "--processes")
        let most = (Sockets.raiseDescriptorLimit() - 64) * processes
        try (0...max(0, most - processes)).check(first, "--first")
        try (processes...max(processes, most - first)).check(
            connections, "--connections, as descriptors allow,")
        guard !server.processes.isEmpty else { throw ValidationError("--pid is needed") }
        try Self.settling.check(settleMax, "--settle-max")
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
