// What a simulation is made of: everything that is drawn from the seed before the first step.

@testable import Hub

struct Scenario {
    /// Modes that the hub has.
    static let histories: [Namespace.History] = [.log, .log, .log, .off, .last]
    static let slowPolicies: [Namespace.SlowPolicy] = [
        .disconnect, .disconnect, .dropOldest, .latest,
    ]

    let world: World
    /// Names of channels: of no namespace, and of some.
    let channels: [String]

    init(seed: UInt64, _ random: inout Random) {
        let loops = random.oneIn(2) ? 1 + random.below(2) : 1 + random.below(8)
        let slots = [8, 64, 1 << 10][random.below(3)]
        let catchUp = [1, 500, 1 << 16][random.below(3)]
        let drain = [1, 3, 1024][random.below(3)]
        let backlog = [2_000, 20_000][random.below(2)]
        var fallback = Scenario.namespace([], &random)
        var named = (0..<random.below(4)).map { Scenario.namespace(Array("n\($0)".utf8), &random) }
        if seed % 3 == 0 { fallback.batchMilliseconds = 10 }
        if seed % 4 == 0, !named.isEmpty { named[0].batchMilliseconds = 50 }
        let (every, others) = (fallback, named)
        // With few, channels share them.
        let buckets = [1, 4, 1 << 10][Int(seed % 7) % 3]
        world = World(loops: loops, ringSlots: slots, seed: seed, interestBuckets: buckets) {
            $0.namespaces.fallback = every
            for namespace in others { $0.namespaces.add(namespace) }
            $0.limits.backlogBytesMax = backlog
            $0.limits.catchUpBytesPerTurnMax = catchUp
            $0.limits.drainMessagesPerTurnMax = drain
        }
        world.turnMicroseconds = [0, 0, 300, 1_000, 20_000][Int(seed % 5)]
        channels = (0..<(1 + random.below(5))).map { number in
            let namespace = random.below(named.count + 1)
            return namespace == 0 ? "c\(number)" : "n\(namespace - 1):c\(number)"
        }
    }

    private static func namespace(_ name: [UInt8], _ random: inout Random) -> Namespace {
        var namespace = Namespace(name: name)
        namespace.history = histories[random.below(histories.count)]
        namespace.slowPolicy = slowPolicies[random.below(slowPolicies.count)]
        namespace.historyMessagesMax = [3, 20, 100][random.below(3)]
        namespace.historyMillisecondsMax = [5_000, 60_000][random.below(2)]
        namespace.presence = random.oneIn(4)
        if random.oneIn(3) { namespace.historyBytesMax = 4_000 }
        return namespace
    }
}
