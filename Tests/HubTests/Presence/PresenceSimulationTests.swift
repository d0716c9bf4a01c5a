// Presence under chance: a list and the notices after it, taken together, say what is so.
//
// A failing seed is printed; `CARILLON_SEED=n swift test --filter PresenceSimulationTests` runs it
// alone.

@testable import Hub
import Ring
import Testing

@Suite struct PresenceSimulationTests {
    @Test(arguments: seeds(150))
    func `the list and the notices after it are the truth at rest`(_ seed: UInt64) {
        var simulation = PresenceSimulation(seed: seed)
        simulation.run(steps: 150)
    }
}

private struct PresenceSimulation {
    private var random: Random
    private let seed: UInt64
    private let world: World
    private let channels: [String]
    /// Those who come and go.
    private var users: [Subscriber] = []
    /// Those who watch, from whenever they came.
    private var watchers: [Subscriber] = []
    private var published: [String: Int] = [:]
    private static let grace: UInt64 = 500

    init(seed: UInt64) {
        self.seed = seed
        var random = Random(seed: seed)
        let drain = [1, 3, 1_024][random.below(3)]
        let catchUp = [1, 1 << 16][random.below(2)]
        let notices = [1, 2, 1_024][random.below(3)]
        world = World(
            present: 1 + random.below(3), ringSlots: [8, 64][random.below(2)], grace: Self.grace
        ) {
            $0.limits.drainMessagesPerTurnMax = drain
            $0.limits.catchUpBytesPerTurnMax = catchUp
            $0.limits.presenceNoticesPerTurnMax = notices
        }
        channels = (0..<(1 + random.below(3))).map { "c\($0)" }
        self.random = random
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps { step() }
        for one in users + watchers { one.client.unblock() }
        rest(for: Self.grace + 100)
        for watcher in watchers where !watcher.isOver { check(watcher) }
        for user in users { user.client.cut() }
        for watcher in watchers { watcher.client.cut() }
        rest(for: Self.grace + 100)
        #expect(world.kept == [0, 0, 0], "seed \(seed)")
        world.checkInvariants("seed \(seed)")
    }

    /// Everything comes to rest, and the grace of whoever is away ends.
    private mutating func rest(for milliseconds: UInt64) {
        world.settle()
        world.advance(milliseconds)
        // What a turn's worth of notices, or a full ring, has put off.
        for _ in 0..<60 { world.advance(10) }
    }

    private mutating func step() {
        let loop = random.below(world.loops.count)
        switch random.below(16) {
        case 0..<3: come(loop)
        case 3..<5: if let user = users.randomElement(using: &random) { user.client.cut() }
        case 5:
            if let user = users.randomElement(using: &random) {
                user.client.cut()
                user.resume(loop: loop, after: nil, settled: false)
            }
        case 6: watch(loop)
        case 7: if let one = watchers.randomElement(using: &random) { one.client.block() }
        case 8: if let one = watchers.randomElement(using: &random) { one.client.unblock() }
        case 9: publish(loop)
        case 10: if random.oneIn(4) { world.fillMailbox(of: loop) }
        case 11: world.pass(UInt64(random.below(random.oneIn(4) ? 600 : 60)))
        default: world.turn(loop)
        }
        users.removeAll { $0.isOver }
        if random.oneIn(8) { for one in users + watchers { one.collect() } }
    }

    private mutating func come(_ loop: Int) {
        guard users.count < 12 else { return }
        let transport = Transport.allCases[random.below(Transport.allCases.count)]
        let user = random.oneIn(5) ? nil : "u\(random.below(5))"
        users.append(
            Subscriber(world, transport, some(), loop: loop, user: user, settled: false))
    }

    private mutating func watch(_ loop: Int) {
        guard watchers.count < 5 else { return }
        let transport = [Transport.v1, .events, .lines][random.below(3)]
        watchers.append(
            Subscriber(
                world, transport, some(), loop: loop, after: random.oneIn(2) ? "first" : nil,
                user: random.oneIn(3) ? "w\(watchers.count)" : nil, settled: false))
    }

    private mutating func some() -> [String] {
        let chosen = channels.filter { _ in random.oneIn(2) }
        return chosen.isEmpty ? [channels[0]] : chosen
    }

    private mutating func publish(_ loop: Int) {
        _ = world.post(channels[random.below(channels.count)], "m", loop: loop)
    }

    /// Connections that follow `channel` at present, by name.
    private func truth(_ channel: String) -> (users: [String: Int], anonymous: Int) {
        var found: [String: Int] = [:]
        var anonymous = 0
        for loop in world.loops {
            for connection in loop.shard.connections {
                for subscription in connection.subscriptions
                where loop.shard.channels[Int(subscription.channel)].name.bytes
                    == Array(channel.utf8)
                {
                    if let user = connection.user {
                        found[String(decoding: user, as: UTF8.self), default: 0] += 1
                    } else {
                        anonymous += 1
                    }
                }
            }
        }
        return (found, anonymous)
    }

    private func check(_ watcher: Subscriber) {
        watcher.collect()
        for channel in watcher.channels {
            let truth = truth(channel)
            #expect(
                world.list(channel) == .list(channel, truth.users, anonymous: truth.anonymous),
                "seed \(seed), \(channel)")
            var there: Set<String>?
            for (notice, _) in watcher.notices {
                switch notice {
                case .list(channel, let users, _):
                    #expect(there == nil, "seed \(seed): two lists")
                    there = Set(users.keys)
                case .join(channel, let user):
                    // Exactly: a list says no more and no less than the notices before it.
                    #expect(there?.contains(user) == false, "seed \(seed): \(user) joins twice")
                    there?.insert(user)
                case .leave(channel, let user):
                    #expect(there?.contains(user) == true, "seed \(seed): \(user) left before")
                    there?.remove(user)
                case .list, .join, .leave: break
                }
            }
            #expect(there == Set(truth.users.keys), "seed \(seed), \(watcher.transport)")
        }
    }
}
