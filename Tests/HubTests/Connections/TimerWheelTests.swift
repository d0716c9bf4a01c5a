@testable import Hub
import Testing

@Suite struct TimerWheelTests {
    private static let tick = TimerWheel.tickMilliseconds
    /// Where the clock stands when the wheel is made: not a multiple of anything.
    private static let start: UInt64 = 123_457

    private func wheel(_ slots: Int = 1) -> TimerWheel {
        var wheel = TimerWheel(nowMilliseconds: Self.start)
        wheel.grow(to: slots)
        return wheel
    }

    private func expired(_ wheel: inout TimerWheel, at now: UInt64) -> [Int] {
        var expired: [Int] = []
        wheel.advance(toMilliseconds: now, expired: &expired)
        return expired
    }

    static let delays: [UInt64] =
        [
            0, 1, 63, 64, 65, 127, 128, 1_000, 65_471, 65_472, 65_535, 65_536, 65_537, 131_072,
            300_000,
        ]

    @Test(arguments: delays)
    func `a deadline is met not early and at most two ticks late`(_ delay: UInt64) {
        var wheel = wheel()
        let deadline = Self.start + delay
        wheel.arm(0, atMilliseconds: deadline)
        var now = Self.start
        while expired(&wheel, at: now).isEmpty { now += 1 }
        #expect(now >= deadline)
        #expect(now < deadline + 2 * Self.tick)
        #expect(wheel.armed == 0)
        #expect(wheel.deadline(of: 0) == nil)
        #expect(wheel.nextMilliseconds == nil)
    }

    @Test(arguments: delays)
    func `after a sleep of any length what is due is reported once`(_ delay: UInt64) {
        for late: UInt64 in [0, 1, 100, 70_000, 1_000_000, 100_000_000] {
            var wheel = wheel(3)
            wheel.arm(0, atMilliseconds: Self.start + delay)
            wheel.arm(1, atMilliseconds: Self.start + delay + late + 200)
            let now = Self.start + delay + 2 * Self.tick + late
            #expect(expired(&wheel, at: now).filter { $0 == 0 } == [0])
            #expect(expired(&wheel, at: now).isEmpty)
        }
    }

    @Test func `a deadline that is armed again counts from then`() {
        var wheel = wheel()
        wheel.arm(0, atMilliseconds: Self.start + 100)
        wheel.arm(0, atMilliseconds: Self.start + 1_000)
        #expect(wheel.armed == 1)
        #expect(expired(&wheel, at: Self.start + 900).isEmpty)
        wheel.arm(0, atMilliseconds: Self.start + 950)
        #expect(expired(&wheel, at: Self.start + 1_100) == [0])
    }

    @Test func `a cancelled deadline does not come, and cancelling twice does nothing`() {
        var wheel = wheel(2)
        wheel.arm(0, atMilliseconds: Self.start + 100)
        wheel.arm(1, atMilliseconds: Self.start + 100)
        wheel.cancel(0)
        wheel.cancel(0)
        #expect(wheel.armed == 1)
        #expect(expired(&wheel, at: Self.start + 1_000) == [1])
    }

    @Test func `the clock may stand still or go back`() {
        var wheel = wheel()
        wheel.arm(0, atMilliseconds: Self.start + 100)
        #expect(expired(&wheel, at: Self.start).isEmpty)
        #expect(expired(&wheel, at: 0).isEmpty)
        #expect(expired(&wheel, at: Self.start + 200) == [0])
    }

    @Test func `a deadline in the past is due at the next tick`() {
        var wheel = wheel()
        wheel.arm(0, atMilliseconds: 0)
        #expect(expired(&wheel, at: Self.start + 2 * Self.tick) == [0])
    }

    @Test(arguments: seeds(50))
    func `any order of arming, cancelling and waiting agrees with a plain table`(_ seed: UInt64) {
        var random = Random(seed: seed)
        let slots = 1 + random.below(40)
        var wheel = wheel(slots)
        var model: [Int: UInt64] = [:]
        /// When each was armed: a deadline of the tick in progress is met with the next one.
        var now = Self.start
        for _ in 0..<400 {
            let slot = random.below(slots)
            switch random.below(4) {
            case 0, 1:
                let reach = [200, 5_000, 70_000, 400_000][random.below(4)]
                let deadline = now + UInt64(random.below(reach))
                wheel.arm(slot, atMilliseconds: deadline)
                model[slot] = deadline
            case 2:
                wheel.cancel(slot)
                model[slot] = nil
            default:
                if random.oneIn(3), let next = wheel.nextMilliseconds {
                    // Sleeping until the wheel says must not be late for anybody.
                    let first = model.values.min()!
                    #expect(next < max(first, now) + 2 * Self.tick, "seed \(seed)")
                    now = max(now, next)
                } else {
                    now += UInt64(random.below([10, 1_000, 200_000][random.below(3)]))
                }
                let reported = expired(&wheel, at: now)
                #expect(Set(reported).count == reported.count, "seed \(seed)")
                for slot in reported {
                    #expect(
                        model[slot].map { $0 <= now } ?? false, "seed \(seed): \(slot) is early")
                    model[slot] = nil
                }
                for (slot, deadline) in model {
                    #expect(deadline + 2 * Self.tick > now, "seed \(seed): \(slot) is late")
                }
            }
            #expect(wheel.armed == model.count, "seed \(seed)")
            #expect((wheel.nextMilliseconds == nil) == model.isEmpty, "seed \(seed)")
        }
    }
}
