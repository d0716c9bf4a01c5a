// The promise under each policy, under chance: in order, once; what is skipped is told of or
// superseded; and the newest always arrives.
//
// A failing seed is printed; `CARILLON_SEED=n swift test --filter SlowPolicyRandomTests` runs it
// alone.

@testable import Hub
import Testing

@Suite struct SlowPolicyRandomTests {
    @Test(arguments: seeds(150))
    func `slow subscribers see what their channels' policies promise`(_ seed: UInt64) {
        var random = Random(seed: seed)
        let backlog = [3_000, 10_000][random.below(2)]
        let total = [15_000, 1 << 20][random.below(2)]
        let catchUp = [1, 500, 1 << 16][random.below(3)]
        let world = SlowPolicyTests.world(loops: 1 + random.below(3), backlog: backlog) {
            $0.limits.backlogBytesTotalMax = total * $0.loops
            $0.limits.catchUpBytesPerTurnMax = catchUp
        }
        let channels = ["old:a", "old:b", "new:a", "new:b", "end:a"]
        var log: [String: [String]] = [:]
        let subscribers = (0..<6).map { _ in
            let transport = SlowClientTests.streaming[random.below(4)]
            let chosen = channels.filter { _ in random.oneIn(2) }
            return Subscriber(
                world, transport, chosen.isEmpty ? ["old:a"] : chosen,
                loop: random.below(world.loops.count))
        }
        for number in 0..<150 {
            switch random.below(10) {
            case 0..<6:
                let channel = channels[random.below(channels.count)]
                let data =
                    "\(channel)/\(number)/" + String(repeating: "x", count: random.below(300))
                if world.post(channel, data) != nil { log[channel, default: []].append(data) }
            case 6: subscribers[random.below(6)].client.block()
            case 7: subscribers[random.below(6)].client.unblock()
            case 8:
                let client = subscribers[random.below(6)].client
                client.unblock()
                client.room = random.below(2_000)
            default: world.pass(UInt64(random.below(1_500)))
            }
            for loop in world.loops.indices where random.oneIn(2) { world.turn(loop) }
        }
        for subscriber in subscribers { subscriber.client.unblock() }
        world.settle()
        for subscriber in subscribers { check(subscriber, log, seed) }
        for loop in world.loops {
            #expect(loop.shard.backlog.bytes == 0 || subscribers.contains { $0.isOver })
        }
        world.checkInvariants("seed \(seed)")
    }

    private func check(_ subscriber: Subscriber, _ log: [String: [String]], _ seed: UInt64) {
        subscriber.collect()
        let transport = subscriber.transport
        for channel in subscriber.channels {
            let all = log[channel] ?? []
            var due = 0
            var before = -1
            for (index, data) in subscriber.data.enumerated() where data.hasPrefix(channel + "/") {
                guard let place = all.firstIndex(of: data) else {
                    Issue.record("seed \(seed): \(data) was never published")
                    return
                }
                #expect(place >= due, "seed \(seed), \(transport): \(data) came again or late")
                let isTold = subscriber.gaps.contains { $0 > before && $0 <= index }
                let maySkip =
                    channel.hasPrefix("new") || channel.hasPrefix("old") && transport == .raw
                #expect(
                    place == due || isTold || maySkip,
                    "seed \(seed), \(transport): \(data) where \(all[due].prefix(12)) was due")
                due = place + 1
                before = index
            }
            guard !subscriber.isOver else { continue }
            let isToldAtEnd = subscriber.gaps.contains { $0 > before }
            let mayEndEarly = channel.hasPrefix("old") && (isToldAtEnd || transport == .raw)
            #expect(
                due == all.count || mayEndEarly,
                "seed \(seed), \(transport), \(channel): \(due) of \(all.count)")
        }
    }
}
