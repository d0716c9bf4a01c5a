// Delays between attempts.

import Testing

@testable import Client

@Suite struct BackoffTests {
    @Test(arguments: [0, 1, 12345, .max] as [UInt64])
    func `delays double, lie in the upper half of their step, and are bounded`(_ random: UInt64) {
        var backoff = Backoff(firstMilliseconds: 500)
        for step in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] as [UInt64] {
            let delay = backoff.next(random: random)
            #expect(delay >= step / 2 && delay <= step)
        }
        backoff.reset()
        #expect(backoff.next(random: 0) == 500)
    }

    @Test func `both ends of the step are reached`() {
        var backoff = Backoff(firstMilliseconds: 500)
        #expect(backoff.next(random: 0) == 500)
        backoff.reset()
        #expect(backoff.next(random: 250) == 250)
    }

    @Test func `a first delay beyond the bound, or of nothing, is taken as it can be`() {
        var huge = Backoff(firstMilliseconds: .max)
        #expect(huge.next(random: 0) == Backoff.millisecondsMax)
        var none = Backoff(firstMilliseconds: 0)
        for _ in 0..<100 { #expect(none.next(random: .max) == 0) }
    }
}
