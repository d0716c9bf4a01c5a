import ArgumentParser
import Harness

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

    private static let roomsRange = 1...1_000_000
    @Option(help: "How many channels, \(roomsRange.words), and no more than --subscribers.")
    var rooms = 1000

    @Option(help: "How many of them each connection is in, 1 to \(Streams.eachMax).")
    var each = 5

    @Option(
        help: "The most messages published and not yet received by all, \(Pace.windows.words).")
    var window = 8

    mutating func validate() throws {
        try Pace.windows.check(window, "--window")
        try Self.roomsRange.check(rooms, "--rooms")
        try (1...min(rooms, Streams.eachMax)).check(each, "--each")
        guard load.subscribers >= rooms else {
            throw ValidationError(
                "--rooms is \(rooms), with \(load.subscribers) --subscribers some would be empty")
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
