// What all measurements of messages need to know of the load.

import ArgumentParser

extension PublishingWay: ExpressibleByArgument {}

struct LoadOptions: ParsableArguments {
    @Option var subscribers = 1000

    @Option(help: "A message's size, 32 or more.")
    var bytes = 128

    @Option(help: "Threads of each of the generator's processes.")
    var threads = 1

    @Option(help: "Processes of the generator; each may open as many descriptors.")
    var processes = 1

    @Option(help: "Seconds that are measured.")
    var seconds = 10.0

    @Option(help: "Seconds of the same load before that.")
    var warmup = 2.0

    @Option(help: "Seconds between the last connection and the first message.")
    var settle = 1.0

    mutating func validate() throws {
        let descriptors = max(1, Sockets.raiseDescriptorLimit() - 64 - threads * processes)
        guard (1...16).contains(threads), (1...64).contains(processes),
            threads * processes <= subscribers
        else {
            throw ValidationError(
                "--threads: 1 to 16, --processes: 1 to 64, and a subscriber for each of both")
        }
        guard (1...descriptors).contains((subscribers - 1) / processes + 1) else {
            throw ValidationError(
                "--subscribers: descriptors allow 1 to \(descriptors) for each of --processes")
        }
        guard (PayloadBook.bytesMin...(16 << 20)).contains(bytes) else {
            throw ValidationError("--bytes: 32 to 16 Mi")
        }
        guard (0.1...3600).contains(seconds), (0...600).contains(warmup), (0...60).contains(settle)
        else { throw ValidationError("seconds out of range") }
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

    @Option(help: "Connections that publish. Messages of one have an order, which is checked.")
    var publishers = 1

    @Option(help: "The most messages in one request, where they are published by POST.")
    var batch = 1

    mutating func validate() throws {
        guard (1...256).contains(publishers) else {
            throw ValidationError("--publishers: 1 to 256")
        }
        guard (1...10_000).contains(batch), batch == 1 || publisher == .http else {
            throw ValidationError("--batch: 1 to 10000, and only with --publisher http")
        }
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
