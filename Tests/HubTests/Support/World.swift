// The hub without sockets: shards in one thread, a rim made of arrays, time by hand.

import Bytes
@testable import Hub
import Ring
import Testing
import Wire

/// One loop of the world: its shard, and what its rim knows of the connections.
final class TestLoop {
    var shard: Shard
    var turn = TurnOutput()
    /// Has had input since its last turn, or work left after it, or was called, or its deadline has
    /// come: only then does it have another.
    var isAwake = true
    /// By slot.
    var clients: [Client?] = []

    init(_ shard: consuming Shard) { self.shard = shard }
}

/// Some shards over one ``Shared``, and the clients connected to them.
final class World {
    let shared: Shared
    let settings: Settings
    private(set) var loops: [TestLoop] = []
    private(set) var now = Instant(
        monotonicMilliseconds: 1_000, unixMilliseconds: 1_700_000_000_000)
    private var publishers: [Client?]
    /// What the turns take, as far as their loops are told, microseconds.
    var turnMicroseconds: UInt64 = 0
    /// What arrives of a new client's input in one turn, bytes; nil: all of it, at once.
    var inputBytesPerTurn: Int?
    /// The last sequence given before the present step of a simulation.
    var publishedBefore: UInt64 = 0
    /// Prints what goes to and fro.
    var traces = false

    /// - Parameters:
    ///   - durable: what the store's thread would write; moved by hand.
    ///   - configure: changes the settings, under which anyone may read and publish.
    ///   - components: makes one loop's instances.
    init(
        loops: Int = 1, ringSlots: Int = 1 << 10, ringBytesMax: Int = 64 << 20, seed: UInt64 = 7,
        durable: DurableProgress? = nil, interestBuckets: Int = Interest.bucketsUsual,
        _ configure: (inout Settings) -> Void = { _ in },
        components: (Int) -> [(path: String, component: any MessageComponent)] = { _ in [] }
    ) {
        var settings = Settings(
            epoch: Epoch.make(random: 0x1234_5678_9ABC), hashKey: HashKey(1, 2), loops: loops)
        settings.access.anonymousRead = true
        settings.access.anonymousPublish = true
        configure(&settings)
        self.settings = settings
        shared = Shared(
            settings: settings, ringSlots: ringSlots, ringBytesMax: ringBytesMax, durable: durable,
            interestBuckets: interestBuckets)
        publishers = Array(repeating: nil, count: loops)
        for index in 0..<loops {
            self.loops.append(
                TestLoop(
                    Shard(
                        index: index, shared: shared, components: components(index), now: now,
                        seed: seed &+ UInt64(index))))
        }
    }

    deinit {
        for loop in loops { loop.shard.end() }
    }

    // MARK: - Connections

    /// A new connection; nil when the shard refuses it.
    func tryConnect(
        loop: Int = 0, address: PeerAddress? = nil, isSecure: Bool = false
    ) -> Client? {
        let loop = loops[loop]
        loop.isAwake = true
        loop.shard.setTime(now)
        guard let peer = loop.shard.opened(isSecure: isSecure, address: address) else { return nil }
        while loop.clients.count <= peer.slot { loop.clients.append(nil) }
        if let present = loop.clients[peer.slot] {
            Issue.record("\(peer) was given the slot of \(present.peer), which is still open")
        }
        let client = Client(world: self, peer: peer)
        client.inputBytesPerTurn = inputBytesPerTurn
        loop.clients[peer.slot] = client
        return client
    }

    func connect(loop: Int = 0) -> Client { tryConnect(loop: loop)! }

    // MARK: - Time and turns

    /// Lets time pass, and everything happen that is then due.
    func advance(_ milliseconds: UInt64) {
        pass(milliseconds)
        settle()
    }

    /// Lets time pass and nothing else.
    func pass(_ milliseconds: UInt64) {
        now.monotonicMilliseconds += milliseconds
        now.unixMilliseconds += milliseconds
        for loop in loops where loop.shard.nextDeadline <= now.monotonicMilliseconds {
            loop.isAwake = true
        }
    }

    /// One turn of one loop, as the rim does it.
    func turn(_ index: Int) {
        let loop = loops[index]
        shared.sleepers.awake(index)
        loop.shard.setTime(now)
        for client in loop.clients { client?.deliverHeldInput() }
        loop.shard.work()
        loop.shard.exchange(&loop.turn)
        loop.isAwake = false
        shared.sleepers.take(loop.turn.calls, except: index) { loops[$0].isAwake = true }
        flush(loop)
        loop.turn.clear()
        loop.shard.endTurn(tookMicroseconds: turnMicroseconds)
        shared.sleepers.announceSleep(index, leavesMessages: loop.shard.leavesMessages)
        if loop.shard.hasWork || loop.holdsInput { loop.isAwake = true }
    }

    /// Turns the loops that are awake until all sleep. Those that leave messages in the ring for a
    /// while are given the time.
    func settle(_ place: SourceLocation = #_sourceLocation) {
        for _ in 0..<10_000 {
            for index in loops.indices where loops[index].isAwake || loops[index].holdsInput {
                turn(index)
            }
            guard !loops.contains(where: { $0.isAwake || $0.holdsInput }) else { continue }
            for (index, loop) in loops.enumerated() where loop.shard.sleepsOnWork {
                Issue.record("loop \(index) sleeps on its work", sourceLocation: place)
            }
            let due = loops.filter { $0.shard.isHoldingBack }.map { $0.shard.nextDeadline }.min()
            guard let due else { return }
            pass(due > now.monotonicMilliseconds ? due - now.monotonicMilliseconds : 0)
        }
        Issue.record("the loops do not come to rest", sourceLocation: place)
    }

    /// As the store's thread does, or one who sees to it that all loops look at what he did.
    func wakeAll() {
        for loop in loops { loop.isAwake = true }
    }

    func input(_ loop: Int, _ body: (inout Shard) -> Void) {
        loops[loop].isAwake = true
        loops[loop].shard.setTime(now)
        body(&loops[loop].shard)
    }

    /// Whom the loop's next turn wakes.
    func calls(_ loop: Int) -> Calls { loops[loop].shard.output.calls }

    // MARK: - The rim

    private func flush(_ loop: TestLoop) {
        for entry in loop.turn.dirty {
            guard let client = loop.clients[Int(entry.slot)] else { continue }
            var bytes: [UInt8] = []
            var next = entry.firstRun
            while next >= 0 {
                let run = loop.turn.runs[Int(next)]
                loop.turn.logs[Int(run.log)]!.withSpan(Int(run.start)..<Int(run.end)) {
                    append($0, to: &bytes)
                }
                next = run.next
            }
            client.write(bytes)
        }
        for command in loop.turn.commands { carryOut(command, loop) }
    }

    private func carryOut(_ command: Hub.Command, _ loop: TestLoop) {
        switch command {
        case .shutdown(let peer): client(peer, loop)?.shutdown()
        case .close(let peer):
            client(peer, loop)?.close()
            loop.clients[peer.slot] = nil
        case .pauseReading(let peer): client(peer, loop)?.isPaused = true
        case .resumeReading(let peer): client(peer, loop)?.isPaused = false
        }
    }

    /// The rim goes by the slot alone, so an order for a peer that no longer has it hits another.
    private func client(_ peer: Peer, _ loop: TestLoop) -> Client? {
        guard let client = loop.clients[peer.slot] else { return nil }
        if client.peer != peer { Issue.record("an order for \(peer) hits \(client.peer)") }
        return client
    }

    // MARK: - Publishing

    /// Publishes over HTTP and lets it arrive everywhere.
    ///
    /// - Returns: the message's id.
    @discardableResult
    func publish(
        _ channel: String, _ text: String, loop: Int = 0, _ place: SourceLocation = #_sourceLocation
    ) -> String {
        let id = post(channel, text, loop: loop)
        settle(place)
        guard let id else {
            Issue.record("the message was refused", sourceLocation: place)
            return ""
        }
        return id
    }

    /// Publishes over HTTP; only `loop` has a turn.
    ///
    /// - Returns: the message's id; nil when it was refused.
    func post(_ channel: String, _ text: String, loop: Int = 0) -> String? {
        let client: Client
        if let present = publishers[loop], !present.isClosed, !present.isEnded {
            client = present
        } else {
            client = connect(loop: loop)
            publishers[loop] = client
        }
        client.feed(
            "POST /channels/\(channel) HTTP/1.1\r\nHost: h\r\nContent-Length: \(text.utf8.count)\r\n\r\n"
                + text)
        turn(loop)
        guard let answer = client.answer(to: .post), answer.status == 200 else { return nil }
        return answer.json["id"] as? String
    }

    /// A channel that lives on `loop`.
    func channel(at loop: Int, _ prefix: String = "c") -> String {
        var number = 0
        while true {
            let name = "\(prefix)\(number)"
            if settings.home(of: ChannelName(Array(name.utf8), key: settings.hashKey)) == loop {
                return name
            }
            number += 1
        }
    }
}

extension Calls {
    init(toRead readers: [Int] = [], toTurn others: [Int] = []) {
        self.init()
        for loop in readers { toRead.insert(loop) }
        for loop in others { toTurn.insert(loop) }
    }
}

extension TestLoop {
    var holdsInput: Bool { clients.contains { $0?.holdsInput ?? false } }
}

extension Shard {
    /// Whether there is something to do at once, other than to take in messages that nobody here
    /// follows.
    var sleepsOnWork: Bool {
        guard hasWork, !hasWorkBesideMessages else { return hasWork }
        if shared.ring.isPressing { return true }
        if let due = batchWindow?.due, due <= now.monotonicMilliseconds { return true }
        var isFollowed = false
        switch reader {
        case .some(let reader):
            // What a batch window has seen waits until it is due.
            reader.peek(after: max(position, batchWindow?.seen ?? 0)) { message in
                let channel = channels.find(message.channel)
                isFollowed = channel >= 0 && channels[channel].memberCount > 0
                return !isFollowed
            }
        case .none: break
        }
        return isFollowed
    }
}
