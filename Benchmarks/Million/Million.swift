// A million connections in the hub, without sockets: what they hold, and how long one turn takes
// that has something for each of them.
//
// What it is not: a claim about a server. The kernel's sockets, libuv's handles and the writes come
// to it; the load generator measures those.

import ArgumentParser
import Hub
import Workloads

enum Shape: String, CaseIterable, ExpressibleByArgument {
    case websocket, v1, sse, ndjson, poll
    /// Connected, and has asked for nothing yet.
    case idle

    var transport: Transport? { Transport(rawValue: rawValue) }
}

@main
struct Million: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carillon-million",
        abstract: "Puts connections into the hub, without sockets, and measures them.")

    @Option(
        help: "What the connections are: \(Shape.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var shape = Shape.websocket

    @Option var connections = 1_000_000

    @Option(help: "Channels, each followed by as many of them.")
    var channels = 1

    @Option(help: "Loops; the connections are spread over them. One thread turns them in turns.")
    var loops = 1

    @Option(help: "Fan-out turns to time; the figure is their median.")
    var rounds = 9

    mutating func validate() throws {
        guard (1...16_000_000).contains(connections), (1...connections).contains(channels) else {
            throw ValidationError("--connections: 1 to 16,000,000; --channels: at most as many")
        }
        guard (1...64).contains(loops) else { throw ValidationError("--loops: 1 to 64") }
        guard (1...1_000).contains(rounds) else { throw ValidationError("--rounds: 1 to 1,000") }
    }

    func run() {
        let crowd = Crowd(loops: loops) { settings in
            // As a user would who expects so many.
            let each = (connections + loops - 1) / loops + 64
            settings.limits.connectionsPerLoopMax = max(1 << 20, each)
            settings.limits.subscriptionsPerLoopMax = max(1 << 22, each)
            settings.limits.channelsPerLoopMax = max(1 << 20, channels * 2)
        }
        let publishers = (0..<channels).map { crowd.open(Transport.websocket.request("c\($0)")) }
        let messages = publishers.map { _ in frame(payload(128)) }
        // What is made once: logs, histories, the ring's first pages.
        for _ in 0..<3 {
            for (peer, message) in zip(publishers, messages) { crowd.send(peer, message) }
            crowd.settle()
        }
        let before = Memory.now()
        let opening = cpuSeconds()
        let peers = open(crowd)
        let openingSeconds = cpuSeconds() - opening
        let after = Memory.now()
        print(
            "\(shape.rawValue): \(connections) connections, \(channels) channel(s), \(loops) loop(s)"
        )
        report("resident", after.resident - before.resident)
        report("heap", after.heap - before.heap)
        for part in crowd.footprint where part.bytes > 0 { report("  \(part.owner)", part.bytes) }
        let micros = openingSeconds / Double(connections) * 1e6
        print("  opened in \(decimal(micros, 2)) µs of CPU each")
        if shape.transport != nil { fanOut(crowd, peers, zip(publishers, messages).map { $0 }) }
        report("resident, then", Memory.now().resident - before.resident)
    }

    private func open(_ crowd: Crowd) -> [Peer] {
        let requests = (0..<channels).map { shape.transport?.request("c\($0)") ?? [] }
        var peers: [Peer] = []
        // Not counted: the polls come again.
        if shape == .poll { peers.reserveCapacity(connections) }
        for index in 0..<connections {
            let peer = crowd.open(loop: index / channels % loops)
            let request = requests[index % channels]
            if !request.isEmpty { crowd.send(peer, request) }
            if shape == .poll { peers.append(peer) }
            // As many come between two turns as a busy listener takes.
            if index % 500 == 499 { crowd.settle() }
        }
        crowd.settle()
        return peers
    }

    /// Publishes on each channel and times the turn that tells all.
    private func fanOut(
        _ crowd: Crowd, _ peers: [Peer], _ publishers: [(peer: Peer, message: [UInt8])]
    ) {
        var (cpu, wall): ([Double], [Double]) = ([], [])
        for round in 0...rounds {
            for publisher in publishers { crowd.send(publisher.peer, publisher.message) }
            let writes = crowd.writes
            let (cpuBefore, wallBefore) = (cpuSeconds(), wallSeconds())
            crowd.settle()
            // The first makes room for all those runs.
            if round > 0 {
                cpu.append(cpuSeconds() - cpuBefore)
                wall.append(wallSeconds() - wallBefore)
            }
            let told = crowd.writes - writes
            precondition(told >= connections, "\(told) writes for \(connections) connections")
            for (index, peer) in peers.enumerated() {
                crowd.send(peer, Transport.poll.request("c\(index % channels)"))
                if index % 500 == 499 { crowd.settle() }
            }
            crowd.settle()
        }
        cpu.sort()
        wall.sort()
        let nanoseconds = cpu[rounds / 2] / Double(connections) * 1e9
        print(
            "  a message to all: \(decimal(wall[rounds / 2] * 1e3, 1)) ms, "
                + "\(decimal(nanoseconds, 1)) ns of CPU a delivery, median of \(rounds)")
    }

    private func report(_ what: String, _ bytes: Int) {
        let name = what + String(repeating: " ", count: max(1, 26 - what.count))
        print("  \(name)\(decimal(Double(bytes) / Double(connections), 1)) B a connection")
    }
}

/// A number with so many digits behind the point.
private func decimal(_ value: Double, _ digits: Int) -> String {
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    let whole = Int((abs(value) * scale).rounded())
    let fraction = String(whole % Int(scale))
    let padded = String(repeating: "0", count: digits - fraction.count) + fraction
    return "\(value < 0 ? "-" : "")\(whole / Int(scale)).\(padded)"
}
