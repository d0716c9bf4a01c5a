// What all measurements of messages need to know of the load.

import ArgumentParser
import Harness

extension PublishingWay: ExpressibleByArgument {}

struct LoadOptions: ParsableArguments {
    static let processesRange = 1...64
    private static let threadsRange = 1...16
    private static let sizes = PayloadBook.bytesMin...16 << 20
    private static let times = (seconds: 0.1...3600.0, warmup: 0.0...600.0, settle: 0.0...60.0)

    @Option(help: "At most as many as --processes can open.")
    var subscribers = 1000

    @Option(help: "A message's size, \(sizes.words).")
    var bytes = 128

    @Option(help: "Threads of each of the generator's processes, \(threadsRange.words).")
    var threads = 1

    @Option(
        help: """
            Processes of the generator, \(processesRange.words); each may open as many descriptors.
            """)
    var processes = 1

    @Option(help: "Seconds that are measured, \(times.seconds.words).")
    var seconds = 10.0

    @Option(help: "Seconds of the same load before that, \(times.warmup.words).")
    var warmup = 2.0

    @Option(
        help: "Seconds between the last connection and the first message, \(times.settle.words).")
    var settle = 1.0

    mutating func validate() throws {
        try Self.threadsRange.check(threads, "--threads")
        try Self.processesRange.check(processes, "--processes")
        let each = max(1, Sockets.raiseDescriptorLimit() - 64 - threads * processes)
        // One at least for each thread.
        try (threads * processes...max(threads, each) * processes).check(
            subscribers, "--subscribers, as --threads, --processes and descriptors allow,")
        try Self.sizes.check(bytes, "--bytes")
        try Self.times.seconds.check(seconds, "--seconds")
        try Self.times.warmup.check(warmup, "--warmup")
        try Self.times.settle.check(settle, "--settle")
    }

    /// A plan without publishers.
    func plan(_ server: ServerOptions, _ target: Target, _ pace: Pace) -> Plan {
        Plan(
            target: target, subscribers: subscribers, threads: threads, processes: processes,
            pace: pace, bytes: bytes, settleSeconds: settle, warmupSeconds: warmup,
            seconds: seconds, serverProcesses: server.processes, showsProgress: server.showsProgress
        )
    }
}

struct PublisherOptions: ParsableArguments {
    @Option(help: "How messages are published: WebSocket, or POST requests on kept connections.")
    var publisher = PublishingWay.ws

    private static let publishersRange = 1...256
    private static let batches = 1...10_000

    @Option(
        help: """
            Connections that publish, \(publishersRange.words). Messages of one have an order, which \
            is checked.
            """)
    var publishers = 1

    @Option(
        help: "The most messages in one request, \(batches.words), with --publisher http.")
    var batch = 1

    mutating func validate() throws {
        try Self.publishersRange.check(publishers, "--publishers")
        try (publisher == .http ? Self.batches : 1...1).check(
            batch, "--batch, with --publisher \(publisher.rawValue),")
    }

    /// Publishing on one channel: each publisher's messages are a stream.
    func plan(
        _ load: LoadOptions, _ server: ServerOptions, _ pace: Pace
    ) throws(Failure) -> Plan {
        let target = try server.target()
        var plan = load.plan(server, target, pace)
        plan.streams = Streams(count: publishers, each: publishers, areChannels: false)
        plan.publishing = try publishing(target, plan.streams)
        return plan
    }

    func publishing(_ target: Target, _ streams: Streams) throws(Failure) -> Publishing {
        try Publishing(
            way: publisher, connections: publishers, batch: batch, to: target, streams)
    }

    /// For the load's words; empty when all is as usual.
    var words: String {
        var words = publisher == .ws ? "" : ", by POST"
        if batch > 1 { words += " of \(batch)" }
        if publishers > 1 { words += ", \(publishers) publishers" }
        return words
    }
}
