// The hub under chance: shards and the real ring in one thread, clients and publishers that do what
// clients and publishers do, and after every step the question whether the promise holds.

@testable import Hub
import Ring
import Testing
import Wire

/// One run. All that happens in it follows from the seed.
struct Simulation {
    let seed: UInt64
    var random: Random
    let world: World
    let channels: [String]
    let reference: Reference
    var followers: [Follower] = []
    var publishers: [Publisher]
    /// Texts made so far: each names its message.
    var texts = 0
    /// Commands made so far, for their `ref`.
    var references = 0
    private(set) var steps = 0
    /// What has gone wrong; the first ends the run.
    private(set) var faults: [String] = []

    init(seed: UInt64) {
        self.seed = seed
        random = Random(seed: seed)
        let scenario = Scenario(seed: seed, &random)
        world = scenario.world
        channels = scenario.channels
        reference = Reference(settings: world.settings)
        publishers = world.loops.indices.map { [world] in Publisher(world, loop: $0) }
    }

    mutating func run(steps count: Int) {
        for _ in 0..<count where faults.isEmpty {
            world.publishedBefore = world.shared.ring.published
            step()
            steps += 1
            check()
        }
        world.publishedBefore = world.shared.ring.published
        if faults.isEmpty { end() }
    }

    mutating func fault(_ text: String) { faults.append("seed \(seed), step \(steps): \(text)") }

    private mutating func step() {
        let drawn = random.below(64)
        if world.traces { trace(drawn) }
        switch drawn {
        case 0..<20: publish()
        case 20..<23: publishSeveral()
        case 23..<26: publishAsFollower()
        case 26..<42: world.turn(random.below(world.loops.count))
        case 42..<45: follow()
        case 45..<47: anyFollower()?.client.block()
        case 47: anyFollower()?.client.room = 1 + random.below(300)
        case 48: anyFollower()?.client.trickle(1 + random.below(400))
        case 49..<51: anyFollower()?.client.unblock()
        case 51..<53: if let follower = anyFollower() { cut(follower) }
        case 53: for follower in followers where follower.isOver { comeBack(follower) }
        case 54: anyFollower()?.client.endInput()
        case 55: anyFollower()?.client.isBroken = true
        case 56..<58: world.pass(UInt64(random.below(random.oneIn(10) ? 30_000 : 200)))
        case 58..<60: changeChannels()
        case 60..<62: for follower in followers { follower.subscriber.pollAgain() }
        default: rest()
        }
    }

    private func trace(_ drawn: Int) {
        print("step \(steps): \(drawn), \(world.shared.ring.published) published")
        for follower in followers {
            let client = follower.client
            print(
                "   ", client.peer, follower.transport, follower.commands, follower.channels,
                follower.isOver ? "over" : client.isBlocked ? "blocked" : "",
                follower.subscriber.lastID ?? "")
        }
    }

    mutating func anyFollower() -> Follower? {
        followers.isEmpty ? nil : followers[random.below(followers.count)]
    }

    // MARK: - What must be true

    /// After every step: nobody was told anything wrong, and every shard is sound.
    private mutating func check() {
        for follower in followers { follower.collect() }
        for publisher in publishers { publisher.collect() }
        gather()
        for loop in world.loops {
            for fault in loop.shard.faults().prefix(3) { self.fault("loop: \(fault)") }
        }
    }

    private mutating func gather() {
        for follower in followers { for fault in follower.faults { self.fault(fault) } }
        for publisher in publishers { for fault in publisher.faults { self.fault(fault) } }
    }

    /// Lets everything happen that can. Whoever takes what it is sent has then seen it all.
    mutating func rest() {
        for _ in 0..<3 {
            world.settle()
            for follower in followers {
                follower.collect()
                follower.subscriber.pollAgain()
            }
        }
        world.settle()
        for follower in followers { follower.rest() }
        for publisher in publishers { publisher.rest() }
        gather()
        // What nobody follows where it was published may have stayed in the ring until now.
        world.wakeAll()
        world.settle()
        for fault in world.restFaults() { self.fault(fault) }
    }

    /// The end of a run: everybody takes what there is, and then everybody goes.
    private mutating func end() {
        for follower in followers { follower.client.unblock() }
        rest()
        guard faults.isEmpty else { return }
        if random.oneIn(2) { drain() } else { cutAll() }
        // Everything that was kept for anybody is given back.
        for _ in 0..<8 { world.advance(world.settings.limits.channelMemoryMillisecondsMax / 4) }
        check()
        for fault in world.emptyFaults() { self.fault(fault) }
    }

    private mutating func cutAll() {
        for loop in world.loops { for client in loop.clients { client?.cut() } }
        world.settle()
    }

    /// The gateway sends everybody away. What they were sent before that is whole, too.
    private mutating func drain() {
        for index in world.loops.indices.shuffled(using: &random) {
            let total = UInt64(random.below(20_000))
            world.input(index) { $0.leave(withinMilliseconds: total) }
            if random.oneIn(2) { world.turn(random.below(world.loops.count)) }
            if random.oneIn(3) { publish() }
            check()
        }
        for _ in 0..<40 {
            world.settle()
            check()
            world.pass(10_000)
        }
        world.settle()
        for (index, loop) in world.loops.enumerated() where loop.shard.connectionCount > 0 {
            fault("loop \(index) has \(loop.shard.connectionCount) connections after its drain")
        }
        cutAll()
    }
}
