// A subscriber over all its connections, and what it must see next on each of its channels.

@testable import Hub
import Ring
import Testing
import Wire

final class Follower {
    /// Where a connection begins.
    enum Start {
        case now, first
        /// After the last id seen.
        case last
        /// After an id that was never given.
        case unknown(String)
    }

    let world: World
    let reference: Reference
    private(set) var subscriber: Subscriber
    /// Subscribes by commands on one `carillon.v1` connection, and resumes each channel by itself.
    let commands: Bool
    private(set) var channels: [String]
    private var expectations: [String: Expectation] = [:]
    /// Channels asked for at "now" whose request was not read yet.
    private var pending: Set<String> = []
    /// By channel, for one who commands: the last id seen.
    private var lastIDs: [String: String] = [:]
    /// Channels left on this connection, with the loop's position then.
    private var left: [String: UInt64] = [:]
    private var toldCount = 0
    private var knowsOfRefusal = false
    /// Of the present connection.
    private var lastSequence: UInt64 = 0
    private var peers: Set<Peer> = []
    /// By `ref`: what the answer to a publish must name; nil when the ring was full.
    private var answers: [Int: UInt64?] = [:]
    private(set) var faults: [String] = []

    init(
        _ reference: Reference, _ world: World, _ transport: Transport, _ channels: [String],
        loop: Int, start: Start, commands: Bool = false, query: String = ""
    ) {
        self.world = world
        self.reference = reference
        self.channels = channels
        self.commands = commands
        subscriber = Subscriber(
            world, transport, commands ? [] : channels, loop: loop, after: Self.after(start, nil),
            query: query, settled: false)
        begin(start)
    }

    var client: Client { subscriber.client }
    var transport: Transport { subscriber.transport }
    /// The connection is of no more use, and another may be made.
    var isOver: Bool { subscriber.isOver }
    /// It reads what it is sent, and its requests are read.
    var isAttentive: Bool {
        !isOver && !client.isBlocked && !client.hasHeldInput && !client.isPaused
    }
    func follows(_ channel: String) -> Bool { channels.contains(channel) }

    // MARK: - Connections

    /// Connects anew, perhaps over another transport, perhaps elsewhere.
    func reconnect(_ transport: Transport, loop: Int, start: Start, query: String = "") {
        collect()
        var start = start
        if case .last = start, lastID == nil, !commands { start = .now }
        if knowsOfRefusal { start = .first }
        let after = Self.after(start, lastID)
        let next = Subscriber(
            world, transport, commands ? [] : channels, loop: loop,
            after: commands ? nil : after, query: query, settled: false)
        subscriber = next
        toldCount = 0
        knowsOfRefusal = false
        begin(start)
    }

    private static func after(_ start: Start, _ last: String?) -> String? {
        switch start {
        case .now: nil
        case .first: "first"
        case .last: last
        case .unknown(let id): id
        }
    }

    /// The last id seen. A raw client knows none: it is told what its last message's was.
    private var lastID: String? {
        guard transport == .raw, let last = subscriber.seen.last,
            let place = reference.place(of: last.data)
        else { return subscriber.lastID }
        return id(reference.message(place).sequence)
    }

    private func begin(_ start: Start) {
        peers.insert(client.peer)
        lastSequence = 0
        left = [:]
        answers = [:]
        for channel in channels { begin(channel, start) }
    }

    private func begin(_ channel: String, _ start: Start) {
        var start = start
        if commands, case .last = start, lastIDs[channel] == nil { start = .now }
        switch start {
        case .now:
            expectations[channel] = nil
            pending.insert(channel)
        case .last:
            pending.remove(channel)
            if expectations[channel]!.isUntouched, let last = commands ? lastIDs[channel] : lastID,
                let id = MessageID(last.utf8.span), id.epoch == world.settings.epoch,
                id.sequence <= world.shared.ring.published
            {
                // Cut before it saw any, it goes on from the id that it has, wherever it has it
                // from: from before it came with a wrong one, or from another channel.
                expectations[channel] = Expectation(
                    reference.namespace(channel), transport,
                    low: reference.index(channel, after: id.sequence), .next)
            }
            expectations[channel]!.resume(transport)
        case .first, .unknown:
            pending.remove(channel)
            var isOwedGap = false
            if case .unknown = start { isOwedGap = true }
            expectations[channel] = Expectation(
                reference.namespace(channel), transport, low: 0, .kept, isOwedGap: isOwedGap)
        }
        guard commands else { return }
        let after = Self.after(start, lastIDs[channel]).map { ",\"after\":\"\($0)\"" } ?? ""
        command("{\"op\":\"subscribe\",\"channel\":\"\(channel)\",\"ref\":0\(after)}")
    }

    private func command(_ text: String) {
        if world.traces { print(client.peer, "commands", text) }
        client.feed(frame(text))
    }

    // MARK: - Commands

    /// Leaves a channel for good or for a while. Attentive clients only.
    func unsubscribe(_ channel: String) {
        collect()
        client.inputBytesPerTurn = nil
        channels.removeAll { $0 == channel }
        let position = world.loops[client.loop].shard.position
        command("{\"op\":\"unsubscribe\",\"channel\":\"\(channel)\"}")
        left[channel] = max(position, world.loops[client.loop].shard.position)
    }

    /// Follows one more channel, or one that it has left, from where it was.
    func subscribe(_ channel: String) {
        world.turn(client.loop)
        collect()
        // What is still on its way on this connection would come twice.
        client.inputBytesPerTurn = nil
        guard isAttentive, world.loops[client.loop].shard.connections[client.peer.slot].lag == nil
        else { return }
        left[channel] = nil
        channels.append(channel)
        begin(channel, expectations[channel] == nil ? .now : .last)
    }

    /// Notes what the answer to a publish with this `ref` must be.
    func expectAnswer(_ reference: Int, _ sequence: UInt64?) { answers[reference] = sequence }

    // MARK: - What it is told

    private func id(_ sequence: UInt64) -> String {
        MessageID(epoch: world.settings.epoch, sequence: sequence).description
    }

    private func oldestKept(_ channel: String) -> Int {
        reference.oldestKept(channel, unixMilliseconds: world.now.unixMilliseconds)
    }

    private func fault(_ text: String) {
        faults.append("\(client.peer) \(transport)\(commands ? ", commands" : ""): \(text)")
    }

    /// A request at "now" that was read in this step began after all that was published before it.
    private func settlePending() {
        guard !pending.isEmpty, !client.hasHeldInput else { return }
        let loop = world.loops[client.loop]
        for channel in pending {
            let namespace = reference.namespace(channel)
            let low = reference.index(channel, after: world.publishedBefore)
            let high = reference.index(channel, after: loop.shard.position)
            // Where the newest message is kept, that is where "now" begins.
            expectations[channel] =
                namespace.history == .last
                ? Expectation(namespace, transport, low: 0, .newer)
                : Expectation(namespace, transport, low: low, high: high, .next)
        }
        pending = []
    }

    /// Takes in what has arrived.
    func collect() {
        settlePending()
        subscriber.collect()
        while toldCount < subscriber.told.count {
            switch subscriber.told[toldCount] {
            case .message(let message): see(message)
            case .gap(let channel): miss(channel)
            case .answer(let fields): hear(fields)
            case .answerEnd: for channel in channels { expectations[channel]?.endAnswer() }
            }
            toldCount += 1
        }
        if subscriber.closeCode == 4410, !knowsOfRefusal {
            knowsOfRefusal = true
            miss(nil)
        }
    }

    private func see(_ seen: Seen) {
        guard let place = reference.place(of: seen.data) else {
            return fault("\(seen.data) was never published")
        }
        let message = reference.message(place)
        if transport.hasIDs, seen.id != id(message.sequence) {
            fault("\(seen.id) where \(id(message.sequence)) was published")
        }
        if !seen.channel.isEmpty, seen.channel != place.channel {
            fault("\(seen.data) on channel \(seen.channel)")
        }
        if message.excluded == client.peer { fault("its own \(seen.data) came back") }
        if let position = left[place.channel] {
            if message.sequence > position { fault("\(seen.data) after leaving the channel") }
            return
        }
        guard expectations[place.channel] != nil, follows(place.channel) else {
            return fault("\(seen.data) of a channel that it does not follow")
        }
        if let fault = expectations[place.channel]!.see(
            place.index, transport, oldestKept: oldestKept(place.channel),
            isOptional: { isOptional(place.channel, $0) })
        {
            self.fault("\(place.channel): \(fault)")
        }
        lastIDs[place.channel] = id(message.sequence)
        if !commands, message.sequence <= lastSequence {
            fault("\(message.sequence) after \(lastSequence)")
        }
        lastSequence = message.sequence
    }

    /// Its own messages need not come to it, nor on a later connection, but may.
    private func isOptional(_ channel: String, _ index: Int) -> Bool {
        let message = reference.message(Reference.Place(channel: channel, index: index))
        return message.excluded.map { peers.contains($0) } ?? false
    }

    private func miss(_ named: String?) {
        var isTrue = false
        for channel in named.map({ [$0] }) ?? channels where expectations[channel] != nil {
            if expectations[channel]!.miss(
                transport, oldestKept: oldestKept(channel), count: reference.count(channel))
            {
                isTrue = true
            }
            // A namespace without history knows no more than that something was published.
            if reference.namespace(channel).history == .off { isTrue = true }
        }
        if let named, !follows(named) { isTrue = left[named] != nil }
        if !isTrue { fault("was told of a gap in \(named ?? "some channel"); nothing is missing") }
    }

    private func hear(_ fields: [String: Any]) {
        guard let number = fields["ref"] as? Int ?? fields["ok"] as? Int, number > 0,
            let expected = answers.removeValue(forKey: number)
        else {
            // The position at which a subscription begins.
            if let channel = fields["channel"] as? String, let id = fields["id"] as? String,
                fields["ok"] != nil, lastIDs[channel] == nil
            {
                lastIDs[channel] = id
            }
            return
        }
        let told = fields["id"] as? String
        if told != expected.map({ id($0) }) {
            fault("published \(expected.map { id($0) } ?? "nothing"), told \(fields)")
        }
    }

    // MARK: - At rest

    /// Everything has come to rest: it must have seen all that it follows.
    func rest() {
        collect()
        guard !isOver, !client.isBlocked else { return }
        if !answers.isEmpty { fault("\(answers.count) publishes were not answered") }
        for channel in channels {
            guard expectations[channel] != nil else {
                fault("\(channel): its request was not read")
                continue
            }
            if let fault = expectations[channel]!.rest(
                count: reference.count(channel), oldestKept: oldestKept(channel),
                isOptional: { isOptional(channel, $0) })
            {
                self.fault("\(channel) at rest: \(fault)")
            }
        }
    }
}
