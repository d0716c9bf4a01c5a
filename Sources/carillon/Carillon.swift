// The program: arguments in, a server or a client out, exit codes.

import ArgumentParser
import Glibc

@main
struct Carillon: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carillon",
        abstract: "A realtime gateway: one channel over WebSocket, SSE, long-poll and streaming.",
        subcommands: [Serve.self, PublishCommand.self, SubscribeCommand.self])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            // Wrong usage ends as wrong settings do, not with the parser's 64.
            let text = Array("\(fullMessage(for: error))\n".utf8)
            _ = write(STDERR_FILENO, text, text.count)
            Glibc.exit(2)
        }
    }
}
