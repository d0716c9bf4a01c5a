// The promise, under chance: per channel, every subscriber sees every message once, in order, or is
// told of a gap, or is disconnected.
//
// A failing seed is printed; `CARILLON_SEED=n swift test --filter SimulationTests` runs it alone.

@testable import Hub
import Testing

@Suite struct SimulationTests {
    @Test(arguments: seeds(200))
    func `every subscriber sees every message once, in order, or is told`(_ seed: UInt64) {
        var simulation = Simulation(seed: seed)
        simulation.run(steps: 120)
    }
}

/// What became of one publish.
private struct Published {
    let id: String
    let data: String
    var sequence: UInt64 { UInt64(id.split(separator: "-").last ?? "") ?? 0 }
}

/// A subscriber over all its connections, and what it must see next.
private final class Follower {
    let subscriber: Subscriber
    /// By channel: how many of its messages this one has seen or was told of missing; nil before
    /// the first, when it began at "now".
    var place: [String: Int] = [:]
    /// By channel: messages that were in when it last connected at "now".
    var ceiling: [String: Int] = [:]
    var checked = 0

    init(_ subscriber: Subscriber) { self.subscriber = subscriber }
}

private struct Simulation {
    private var random: Random
    private let seed: UInt64
    private let world: World
    private let channels: [String]
    private var log: [String: [Published]] = [:]
    private var channelOf: [String: String] = [:]
    private var followers: [Follower] = []
    private var published = 0

    init(seed: UInt64) {
        self.seed = seed
        var random = Random(seed: seed)
        let loops = 1 + random.below(4)
        let history = [3, 20, 100][random.below(3)]
        let backlog = [2_000, 20_000][random.below(2)]
        let catchUp = [1, 500, 1 << 16][random.below(3)]
        let drain = [1, 3, 1024][random.below(3)]
        let slots = [8, 64][random.below(2)]
        world = World(loops: loops, ringSlots: slots, seed: seed) {
            $0.namespaces.fallback.historyMessagesMax = history
            $0.limits.backlogBytesMax = backlog
            $0.limits.catchUpBytesPerTurnMax = catchUp
            $0.limits.drainMessagesPerTurnMax = drain
            $0.namespaces.fallback.historyMillisecondsMax = 60_000
        }
        channels = (0..<(1 + random.below(4))).map { "c\($0)" }
        for channel in channels { log[channel] = [] }
        self.random = random
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps { step() }
        // Everybody takes what there is; whoever is still connected must then have seen it all.
        for follower in followers { follower.subscriber.client.unblock() }
        for _ in 0..<4 {
            world.settle()
            for follower in followers {
                collect(follower)
                follower.subscriber.pollAgain()
            }
        }
        world.settle()
        for follower in followers { finish(follower) }
        world.checkInvariants("seed \(seed)")
    }

    private mutating func step() {
        switch random.below(20) {
        case 0..<7: publish()
        case 7..<13: world.turn(random.below(world.loops.count))
        case 13: follow()
        case 14: if let follower = anyFollower() { follower.subscriber.client.block() }
        case 15: if let follower = anyFollower() { follower.subscriber.client.unblock() }
        case 16: if let follower = anyFollower() { leaveAndResume(follower, cut: true) }
        case 17:
            for follower in followers where follower.subscriber.isOver {
                leaveAndResume(follower, cut: false)
            }
        case 18: world.pass(UInt64(random.below(random.oneIn(10) ? 30_000 : 200)))
        default:
            for follower in followers {
                collect(follower)
                follower.subscriber.pollAgain()
            }
        }
    }

    private mutating func anyFollower() -> Follower? {
        followers.isEmpty ? nil : followers[random.below(followers.count)]
    }

    // MARK: - What happens

    private mutating func publish() {
        let channel = channels[random.below(channels.count)]
        published += 1
        let padding = random.oneIn(4) ? String(repeating: "x", count: random.below(600)) : ""
        let data = "\(channel)/\(published)/\(padding)"
        let loop = random.below(world.loops.count)
        // Refused when the ring is full: then nobody may see it.
        guard let id = world.post(channel, data, loop: loop) else { return }
        channelOf[data] = channel
        log[channel]!.append(Published(id: id, data: data))
    }

    private mutating func follow() {
        guard followers.count < 8 else { return }
        let transport = Transport.allCases[random.below(Transport.allCases.count)]
        var chosen = channels.filter { _ in random.oneIn(2) }
        if chosen.isEmpty { chosen = [channels[0]] }
        let loop = random.below(world.loops.count)
        let atFirst = random.oneIn(3)
        let follower = Follower(
            Subscriber(
                world, transport, chosen, loop: loop, after: atFirst ? "first" : nil,
                settled: false))
        for channel in chosen { follower.ceiling[channel] = log[channel]!.count }
        followers.append(follower)
    }

    private mutating func leaveAndResume(_ follower: Follower, cut: Bool) {
        let subscriber = follower.subscriber
        collect(follower)
        if cut { subscriber.client.cut() }
        var after = resumeID(follower)
        if subscriber.closeCode == 4410 {
            after = "first"
            follower.place = [:]
            follower.ceiling = [:]
        }
        // Over another transport now and then; one that tells no ids can't be left again.
        let loop = random.below(world.loops.count)
        if random.oneIn(2), subscriber.transport != .raw {
            let transport = Transport.allCases[random.below(Transport.allCases.count)]
            let next = Follower(
                Subscriber(
                    world, transport, subscriber.channels, loop: loop, after: after,
                    settled: false))
            next.place = follower.place
            next.ceiling = follower.ceiling
            if after == nil { restart(next) }
            followers[followers.firstIndex { $0 === follower }!] = next
        } else {
            subscriber.resume(loop: loop, after: after, settled: false)
            if after == nil { restart(follower) }
        }
    }

    /// The last id seen. A raw client knows none: it is told what its last message's was.
    private func resumeID(_ follower: Follower) -> String? {
        let subscriber = follower.subscriber
        guard subscriber.transport == .raw else { return subscriber.lastID }
        guard let last = subscriber.seen.last, let channel = channelOf[last.data] else {
            return subscriber.lastID
        }
        return log[channel]!.first { $0.data == last.data }?.id
    }

    /// Without an id it begins anew, at "now".
    private func restart(_ follower: Follower) {
        follower.place = [:]
        for channel in follower.subscriber.channels {
            follower.ceiling[channel] = log[channel]!.count
        }
    }

    // MARK: - What must be true

    private func collect(_ follower: Follower) {
        let subscriber = follower.subscriber
        subscriber.collect()
        var gaps = subscriber.gaps.filter { $0 >= follower.checked }
        for index in follower.checked..<subscriber.seen.count {
            while let gap = gaps.first, gap <= index {
                gaps.removeFirst()
                // Which channel it was does not matter: none is held to be whole before its next
                // message.
                follower.place = [:]
                follower.ceiling = [:]
            }
            check(subscriber.seen[index], follower)
        }
        if let gap = gaps.last, gap >= subscriber.seen.count {
            follower.place = [:]
            follower.ceiling = [:]
        }
        follower.checked = subscriber.seen.count
    }

    private func check(_ message: Seen, _ follower: Follower) {
        let transport = follower.subscriber.transport
        guard let channel = channelOf[message.data],
            let index = log[channel]!.firstIndex(where: { $0.data == message.data })
        else {
            Issue.record("seed \(seed): \(message.data) was never published")
            return
        }
        if transport.hasIDs {
            #expect(message.id == log[channel]![index].id, "seed \(seed), \(transport)")
        }
        if let place = follower.place[channel] {
            #expect(
                index == place,
                "seed \(seed), \(transport), \(channel): message \(index) where \(place) was due")
        } else if let ceiling = follower.ceiling[channel] {
            #expect(
                index <= ceiling,
                "seed \(seed), \(transport), \(channel): began at \(index), \(ceiling) were in")
        }
        follower.place[channel] = index + 1
    }

    private func finish(_ follower: Follower) {
        collect(follower)
        let subscriber = follower.subscriber
        guard !subscriber.isOver else { return }
        for channel in subscriber.channels {
            let count = log[channel]!.count
            if let place = follower.place[channel] {
                #expect(
                    place == count,
                    "seed \(seed), \(subscriber.transport), \(channel): \(place) of \(count)")
            } else if let ceiling = follower.ceiling[channel] {
                #expect(
                    ceiling >= count,
                    "seed \(seed), \(subscriber.transport), \(channel): nothing seen of \(count)")
            }
        }
    }
}
