import Ring
import Synchronization
import Testing

@Suite struct CountersTests {
    @Test(arguments: Counter.allCases)
    func `a counter is the sum over the loops and no other counter's`(counter: Counter) {
        let counters = Counters(loops: 3)
        counters.add(0, counter)
        counters.add(2, counter, 10)
        counters.add(2, counter, -4)
        #expect(counters.total(counter) == 7)
        #expect(counters.value(2, counter) == 6)
        for other in Counter.allCases where other != counter { #expect(counters.total(other) == 0) }
    }

    @Test func `a loop that there is not stops the program`() async {
        await #expect(processExitsWith: .failure) { Counters(loops: 2).add(2, .errors) }
    }

    /// FORBIDDEN: a sum that goes down while all counters go up, or an amount lost.
    @Test func `a total read meanwhile never goes down and ends exact`() {
        let counters = Counters(loops: 2)
        let running = Atomic<Int>(2)
        let fell = Shared(0)
        let adding: [@Sendable () -> Void] = (0..<2).map { loop in
            {
                for _ in 0..<50000 { counters.add(loop, .delivered, 2) }
                running.subtract(1, ordering: .releasing)
            }
        }
        inThreads(
            adding + [
                {
                    var last: UInt64 = 0
                    while running.load(ordering: .acquiring) > 0 {
                        let now = counters.total(.delivered)
                        if now < last { fell.update { $0 += 1 } }
                        last = now
                    }
                }
            ])
        #expect(fell.now == 0)
        #expect(counters.total(.delivered) == 200_000)
    }
}
