// What happens in a simulation: who publishes, follows, stalls, goes and comes back.

@testable import Hub
import Ring
import Wire

extension Simulation {
    // MARK: - Publishing

    private mutating func text() -> String {
        texts += 1
        let padding = random.oneIn(4) ? String(repeating: "x", count: random.below(600)) : ""
        return "m\(texts)/\(padding)"
    }

    private mutating func anyChannel() -> String { channels[random.below(channels.count)] }

    /// Does what publishes `messages`, in order, and notes what the ring has taken of them. Once it
    /// is full it stays full, since nobody else has a turn: so it takes the first ones.
    ///
    /// - Returns: their sequences, nil for those refused.
    private func publishing(
        _ messages: [(channel: String, data: String)], excluded: Peer? = nil, _ body: () -> Void
    ) -> [UInt64?] {
        let before = world.shared.ring.published
        body()
        let taken = Int(world.shared.ring.published - before)
        return messages.enumerated().map { index, message in
            guard index < taken else { return nil }
            let sequence = before + UInt64(index) + 1
            reference.publish(
                message.channel, message.data, sequence: sequence,
                unixMilliseconds: world.now.unixMilliseconds, excluded: excluded)
            return sequence
        }
    }

    private func id(_ sequence: UInt64) -> String {
        MessageID(epoch: world.settings.epoch, sequence: sequence).description
    }

    /// One to three requests at once on one connection.
    mutating func publish() {
        let publisher = publishers[random.below(publishers.count)]
        guard let client = publisher.connected() else { return }
        let messages = (0..<(random.oneIn(4) ? 3 : 1)).map { _ in (anyChannel(), text()) }
        let requests = messages.map { post("/channels/\($0.0)", $0.1) }.joined()
        for sequence in publishing(messages, { client.feed(requests) }) {
            publisher.expect(isBatch: false, [sequence.map { id($0) }])
        }
        if random.oneIn(3) { world.turn(publisher.loop) }
    }

    /// A batch.
    mutating func publishSeveral() {
        let publisher = publishers[random.below(publishers.count)]
        guard let client = publisher.connected() else { return }
        let messages = (0..<(1 + random.below(12))).map { _ in (anyChannel(), text()) }
        let lines = messages.map { "{\"channel\":\"\($0.0)\",\"data\":\"\($0.1)\"}\n" }
        let sequences = publishing(messages) { client.feed(post("/publish", lines.joined())) }
        publisher.expect(isBatch: true, sequences.map { $0.map { id($0) } })
    }

    /// One who follows publishes on its own WebSocket; with `?echo=0` it does not come back.
    mutating func publishAsFollower() {
        let able = followers.filter {
            $0.isAttentive && !$0.channels.isEmpty && $0.subscriber.statuses == [101]
        }
        guard !able.isEmpty else { return }
        let follower = able[random.below(able.count)]
        let client = follower.client
        let shard = world.loops[client.loop]
        let excluded =
            shard.shard.connections[client.peer.slot].withoutEcho ? client.peer : nil
        client.inputBytesPerTurn = nil
        if follower.transport == .raw {
            let message = (follower.channels[0], text())
            _ = publishing([message], excluded: excluded) { client.feed(frame(message.1)) }
            return
        }
        references += 1
        let message = (anyChannel(), text())
        let command = """
            {"op":"publish","channel":"\(message.0)","data":"\(message.1)","ref":\(references)}
            """
        let taken = publishing([message], excluded: excluded) { client.feed(frame(command)) }
        follower.expectAnswer(references, taken[0])
    }

    // MARK: - Following

    private mutating func anyTransport() -> Transport {
        Transport.allCases[random.below(Transport.allCases.count)]
    }

    /// What sets a connection apart that is about to be made.
    private mutating func drawConnection(commands: Bool) -> (loop: Int, query: String) {
        // Commands are to be read when they are sent.
        world.inputBytesPerTurn = random.oneIn(6) && !commands ? 1 + random.below(60) : nil
        return (random.below(world.loops.count), random.oneIn(4) ? "echo=0" : "")
    }

    mutating func follow() {
        guard followers.count < 8 else { return }
        var chosen = channels.filter { _ in random.oneIn(2) }
        if chosen.isEmpty { chosen = [channels[0]] }
        let commands = random.oneIn(5)
        let transport = commands ? .v1 : anyTransport()
        let (loop, query) = drawConnection(commands: commands)
        followers.append(
            Follower(
                reference, world, transport, chosen, loop: loop,
                start: random.oneIn(3) ? .first : .now, commands: commands, query: query))
        world.inputBytesPerTurn = nil
    }

    mutating func cut(_ follower: Follower) {
        follower.client.cut()
        if random.oneIn(2) { comeBack(follower) }
    }

    /// Goes on after the last id, mostly: elsewhere, and over another transport now and then.
    mutating func comeBack(_ follower: Follower) {
        var transport = follower.transport
        // One that tells no ids can't be left again.
        if random.oneIn(2), transport != .raw, !follower.commands { transport = anyTransport() }
        var start = Follower.Start.last
        if random.oneIn(12) { start = .unknown(random.oneIn(2) ? "other-7" : future) }
        let (loop, query) = drawConnection(commands: follower.commands)
        follower.reconnect(transport, loop: loop, start: start, query: query)
        world.inputBytesPerTurn = nil
    }

    /// An id that this log has not given yet.
    private var future: String { id(world.shared.ring.published + 1_000_000) }

    mutating func changeChannels() {
        let able = followers.filter { $0.commands && $0.isAttentive }
        guard !able.isEmpty else { return }
        let follower = able[random.below(able.count)]
        let channel = anyChannel()
        if !follower.follows(channel) {
            follower.subscribe(channel)
        } else if follower.subscriber.statuses == [101] {
            follower.unsubscribe(channel)
        }
    }
}
