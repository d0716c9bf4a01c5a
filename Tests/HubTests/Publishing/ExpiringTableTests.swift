@testable import Hub
import Testing

@Suite struct ExpiringTableTests {
    private func digest(_ number: UInt64) -> Digest { Digest(high: number, low: number) }

    @Test(arguments: [(99, true), (100, false)] as [(UInt64, Bool)])
    func `a value is there until its time, and not at it`(_ now: UInt64, _ isThere: Bool) {
        var table = ExpiringTable<Int>()
        table.set(digest(1), 7, expiresMilliseconds: 100)
        #expect((table.value(digest(1), nowMilliseconds: now) == 7) == isThere)
    }

    @Test func `digests that share a bucket, or one half, are told apart`() {
        var table = ExpiringTable<Int>()
        let all = [
            Digest(high: 1, low: 5), Digest(high: 2, low: 5), Digest(high: 1, low: 5 + 16),
            Digest(high: 1, low: 5 + 32),
        ]
        for (index, digest) in all.enumerated() {
            table.set(digest, index, expiresMilliseconds: 100)
        }
        for (index, digest) in all.enumerated() {
            #expect(table.value(digest, nowMilliseconds: 0) == index)
        }
        #expect(table.value(Digest(high: 3, low: 5), nowMilliseconds: 0) == nil)
        #expect(table.count == 4)
    }

    @Test func `no more than asked for is taken out, and what expires first goes first`() {
        var table = ExpiringTable<UInt64>()
        for number in 1...5 as ClosedRange<UInt64> {
            table.set(digest(number), number, expiresMilliseconds: number * 10)
        }
        #expect(table.expire(nowMilliseconds: 30, limit: 2) == 2)
        #expect(!table.contains(digest(2)))
        #expect(table.contains(digest(3)))
        #expect(table.expire(nowMilliseconds: 30, limit: 9) == 1)
        #expect(table.expire(nowMilliseconds: 30, limit: 9) == 0)
        #expect(table.count == 2)
    }

    @Test func `what is set again lives on`() {
        var table = ExpiringTable<Int>()
        table.set(digest(1), 1, expiresMilliseconds: 10)
        table.set(digest(2), 2, expiresMilliseconds: 20)
        table.set(digest(1), 3, expiresMilliseconds: 30)
        #expect(table.count == 2)
        #expect(table.expire(nowMilliseconds: 20, limit: 9) == 1)
        #expect(table.value(digest(1), nowMilliseconds: 20) == 3)
        #expect(!table.contains(digest(2)))
    }

    @Test(arguments: seeds(100))
    func `it agrees with a dictionary`(_ seed: UInt64) {
        var random = Random(seed: seed)
        var table = ExpiringTable<Int>()
        var model: [UInt64: (value: Int, expires: UInt64)] = [:]
        var now: UInt64 = 0
        // Few values of `low`: chains are long.
        func digest(_ number: UInt64) -> Digest { Digest(high: number, low: number % 7) }
        for step in 0..<2_000 {
            now += UInt64(random.below(4))
            let number = UInt64(random.below(300))
            switch random.below(8) {
            case 0:
                let limit = random.below(20)
                let due = model.values.filter { $0.expires <= now }.count
                let dropped = table.expire(nowMilliseconds: now, limit: limit)
                #expect(dropped == min(limit, due), "seed \(seed), step \(step)")
                // Sets are in order of time, so the first to expire are those first set.
                let order = model.sorted { $0.value.expires < $1.value.expires }
                for (key, _) in order.prefix(dropped) { model[key] = nil }
            case 1...4:
                let value = random.below(1000)
                // One a step, so that no two expire at once.
                now += 1
                table.set(digest(number), value, expiresMilliseconds: now + 200)
                model[number] = (value, now + 200)
            default:
                let found = table.value(digest(number), nowMilliseconds: now)
                let wanted = model[number].flatMap { $0.expires > now ? $0.value : nil }
                #expect(found == wanted, "seed \(seed), step \(step)")
            }
            #expect(table.count == model.count, "seed \(seed), step \(step)")
        }
    }
}
