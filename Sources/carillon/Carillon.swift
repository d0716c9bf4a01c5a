// The program: arguments in, a server or a client out, exit codes.

import ArgumentParser

@main
struct Carillon: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carillon",
        abstract: "A realtime gateway: one channel over WebSocket, SSE, long-poll and streaming.",
        subcommands: [Serve.self])
}
