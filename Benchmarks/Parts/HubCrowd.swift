// Many connections in the hub: what they hold, and how long one turn takes that has something for
// each of them.

import ArgumentParser
import Harness
import Hub
import Workloads

enum Shape: String, CaseIterable, ExpressibleByArgument {
    case websocket, v1, sse, ndjson, poll
    /// Connected, and has asked for nothing yet.
    case idle

    var transport: Transport? { Transport(rawValue: rawValue) }
}

struct HubCrowd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub",
        abstract: "Puts connections into the hub, a million by default, and tells them all.")

    private static let counts = 1...16_000_000
    private static let loopsRange = 1...64
    private static let roundsRange = 1...1_000

    @Option(
        help: "What the connections are: \(Shape.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var shape = Shape.websocket

    @Option(help: "How many, \(counts.words).")
    var connections = 1_000_000

    @Option(help: "Channels, each followed by as many of them, 1 to --connections.")
    var channels = 1

    @Option(
        help:
            "Loops, \(loopsRange.words); the connections are spread over them. One thread turns them all."
    )
    var loops = 1

    @Option(help: "Turns to all that are timed, \(roundsRange.words); the figure is their median.")
    var rounds = 9

    @Option(help: "Also write the figures to this file.")
    var json: String?

    mutating func validate() throws {
        try Self.counts.check(connections, "--connections")
        try (1...connections).check(channels, "--channels")
        try Self.loopsRange.check(loops, "--loops")
        try Self.roundsRange.check(rounds, "--rounds")
    }

    func run() throws {
        let crowd = emptyCrowd()
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
        let each = Double(connections)
        var report = PartReport(
            measurement: "hub",
            load: "\(connections) \(shape.rawValue), \(channels) channel(s), \(loops) loop(s)")
        report.add("user memory", Double(after.resident - before.resident) / each, "B")
        report.add("heap", Double(after.heap - before.heap) / each, "B")
        for part in crowd.footprint where part.bytes > 0 {
            report.add("of it \(part.owner)", Double(part.bytes) / each, "B")
        }
        report.add("CPU to open", openingSeconds / each * 1e6, "µs")
        if shape.transport != nil {
            fanOut(crowd, peers, zip(publishers, messages).map { $0 }, &report)
            let then = Memory.now().resident - before.resident
            report.add("user memory after", Double(then) / each, "B")
        }
        try report.finish(json)
    }

    private func emptyCrowd() -> Crowd {
        Crowd(loops: loops) { settings in
            // As a user would who expects so many.
            let each = (connections + loops - 1) / loops + 64
            settings.limits.connectionsPerLoopMax = max(1 << 20, each)
            settings.limits.subscriptionsPerLoopMax = max(1 << 22, each)
            settings.limits.channelsPerLoopMax = max(1 << 20, channels * 2)
        }
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
        _ crowd: Crowd, _ peers: [Peer], _ publishers: [(peer: Peer, message: [UInt8])],
        _ report: inout PartReport
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
        report.add("message to all", wall[rounds / 2] * 1e3, "ms")
        report.add(
            "CPU a delivery", cpu[rounds / 2] / Double(connections) * 1e9, "ns")
    }
}
