// What all measurements need to know of the server.

import ArgumentParser
import Harness

extension ServerKind: ExpressibleByArgument {}
extension Transport: ExpressibleByArgument {}

struct ServerOptions: ParsableArguments {
    @Option(help: "What kind of server it is: its paths follow from that.")
    var server = ServerKind.carillon

    @Option(help: "An IPv4 address.")
    var host = "127.0.0.1"

    @Option(help: "Its port, 1 to 65535.")
    var port: UInt16

    @Flag(help: "Connect with TLS. Nothing is verified.")
    var tls = false

    @Option(help: "How subscribers are connected.")
    var transport = Transport.ws

    @Option(help: "The channel's name.")
    var channel = "bench"

    @Option(
        name: .customLong("pid"),
        help: "A process of the server's, whose CPU and memory are read; its children count too.")
    var processes: [Int32] = []

    @Option(help: "Also write the figures to this file.")
    var json: String?

    @Flag(help: "Say each second how it goes; always when standard error is a terminal.")
    var progress = false

    var showsProgress: Bool { progress || Progress.isWatched }

    mutating func validate() throws {
        guard Sockets.parse(host) != nil else {
            throw ValidationError("--host is an IPv4 address, not \(host)")
        }
        try (1...UInt16.max).check(port, "--port")
    }

    func target() throws(Failure) -> Target {
        try Target(
            server: server, transport: transport, host: Sockets.parse(host) ?? 0, port: port,
            channel: channel, tls: tls ? TLSContext() : nil)
    }

    /// Prints and writes the figures; exits with 1 when a message or a connection was lost.
    func finish(_ report: Report) throws {
        report.print()
        if let json { try writeJSON(report, to: json) }
        if !report.isClean { throw ExitCode.failure }
    }
}
