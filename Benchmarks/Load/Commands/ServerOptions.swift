// What all measurements need to know of the server.

import ArgumentParser

extension ServerKind: ExpressibleByArgument {}
extension Transport: ExpressibleByArgument {}

struct ServerOptions: ParsableArguments {
    @Option(help: "What kind of server it is: its paths follow from that.")
    var server = ServerKind.carillon

    @Option(help: "An IPv4 address.")
    var host = "127.0.0.1"

    @Option var port: UInt16

    @Flag(help: "Connect with TLS. Nothing is verified.")
    var tls = false

    @Option(help: "How subscribers are connected; the publisher is always a WebSocket.")
    var transport = Transport.ws

    @Option(help: "The channel's name.")
    var channel = "bench"

    @Option(
        name: .customLong("pid"),
        help: "A process of the server's, whose CPU and memory are read; its children count too.")
    var processes: [Int32] = []

    @Option(help: "Also write the figures to this file.")
    var json: String?

    mutating func validate() throws {
        guard Sockets.parse(host) != nil else { throw ValidationError("\(host) is no address") }
    }

    func target() throws(Failure) -> Target {
        try Target(
            server: server, transport: transport, host: Sockets.parse(host) ?? 0, port: port,
            channel: channel, tls: tls ? TLSContext() : nil)
    }

    /// Prints and writes the figures; exits with 1 when a message or a connection was lost.
    func finish(_ report: Report) throws {
        report.print()
        if let json { try report.write(to: json) }
        if !report.isClean { throw ExitCode.failure }
    }
}

struct LoadOptions: ParsableArguments {
    @Option var subscribers = 1000

    @Option(help: "A message's size, 32 or more.")
    var bytes = 128

    @Option(help: "Threads of the generator's own.")
    var threads = 1

    @Option(help: "Seconds that are measured.")
    var seconds = 10.0

    @Option(help: "Seconds of the same load before that.")
    var warmup = 2.0

    @Option(help: "Seconds between the last connection and the first message.")
    var settle = 1.0

    mutating func validate() throws {
        let descriptors = Sockets.raiseDescriptorLimit()
        guard (1...max(1, descriptors - 64)).contains(subscribers) else {
            throw ValidationError("--subscribers: 1 to \(descriptors - 64) descriptors allow")
        }
        guard (PayloadBook.bytesMin...(16 << 20)).contains(bytes) else {
            throw ValidationError("--bytes: 32 to 16 Mi")
        }
        guard (1...16).contains(threads), threads <= subscribers else {
            throw ValidationError("--threads: 1 to 16, and no more than subscribers")
        }
        guard (0.1...3600).contains(seconds), (0...600).contains(warmup), (0...60).contains(settle)
        else { throw ValidationError("seconds out of range") }
    }

    func plan(_ server: ServerOptions, _ pace: Pace) throws(Failure) -> Plan {
        Plan(
            target: try server.target(), subscribers: subscribers, threads: threads, pace: pace,
            bytes: bytes, settleSeconds: settle, warmupSeconds: warmup, seconds: seconds,
            serverProcesses: server.processes)
    }
}
