// The program: measures what a message gateway does with many clients.

import ArgumentParser
import Glibc

@main
struct CarillonBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carillon-bench",
        abstract: "Puts load on a message gateway and measures what it takes.",
        subcommands: [
            Fanout.self, OpenLoop.self, Rooms.self, Storm.self, Echo.self, Idle.self, Churn.self,
        ])

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        Self.main(nil)
    }
}
