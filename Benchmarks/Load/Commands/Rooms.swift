import ArgumentParser

struct Rooms: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Many channels, each with few members; each connection is in several of them.",
        discussion: """
            A closed loop: one message to each room in turn. A connection in one room is bare, one \
            in several gets an object around each message that names the room. Every message's \
            room, order in its room and content are checked.
            """)

    @OptionGroup var server: ServerOptions
    @OptionGroup var load: LoadOptions
    @OptionGroup var publisher: PublisherOptions

    @Option(help: "How many channels.")
    var rooms = 1000

    @Option(help: "How many of them each connection is in.")
    var each = 5

    @Option(help: "The most messages published and not yet received by all in their room.")
    var window = 8

    mutating func validate() throws {
        guard (1...4096).contains(window) else { throw ValidationError("--window: 1 to 4096") }
        guard (1...1_000_000).contains(rooms) else {
            throw ValidationError("--rooms: 1 to 1000000")
        }
        guard (1...min(rooms, Streams.eachMax)).contains(each) else {
            throw ValidationError("--each: 1 to \(Streams.eachMax), and no more than --rooms")
        }
        guard load.subscribers >= rooms else {
            throw ValidationError("--subscribers: no fewer than --rooms, so that none is empty")
        }
    }

    func run() throws {
        let target = try server.target()
        try target.server.require("channels that are kept apart", ServerKind.withChannels)
        if each > 1 {
            try target.server.require(
                "connection in several channels", ServerKind.withSeveralChannels)
        }
        var plan = load.plan(server, target, .window(window))
        plan.streams = Streams(count: rooms, each: each, areChannels: true)
        plan.publishing = try publisher.publishing(target, plan.streams)
        let words =
            "\(load.subscribers) x \(load.bytes) B in \(each) of \(rooms) rooms, window \(window)"
        var report = try Measurement.run(plan, named: "rooms", load: words + publisher.words)
        report.add("members of a room", Double(load.subscribers * each) / Double(rooms), "")
        try server.finish(report)
    }
}
