@testable import Hub
import Testing

@Suite struct MeterTests {
    @Test(arguments: [1, 2, 3, 7, 999, 1_000, 70_000, 1_000_001])
    func `a second's worth comes at once, one more does not`(_ perSecond: Int) {
        var meter = Meter()
        for _ in 0..<perSecond {
            let isAdmitted = meter.admits(perSecond: perSecond, nowMilliseconds: 5)
            if !isAdmitted {
                Issue.record("refused within the limit")
                return
            }
        }
        let isOneMore = meter.admits(perSecond: perSecond, nowMilliseconds: 5)
        #expect(!isOneMore)
        let isLater = meter.admits(perSecond: perSecond, nowMilliseconds: 1_005)
        #expect(isLater)
    }

    @Test(arguments: [(99, false), (100, true)])
    func `after a burst the next is admitted when its share of a second has passed`(
        _ milliseconds: UInt64, _ admitted: Bool
    ) {
        var meter = Meter()
        for _ in 0..<10 { _ = meter.admits(perSecond: 10, nowMilliseconds: 1_000) }
        let isAdmitted = meter.admits(perSecond: 10, nowMilliseconds: 1_000 + milliseconds)
        #expect(isAdmitted == admitted)
    }

    @Test func `what is refused is not counted`() {
        var meter = Meter()
        for _ in 0..<1_000 { _ = meter.admits(perSecond: 2, nowMilliseconds: 0) }
        let isAdmitted = meter.admits(perSecond: 2, nowMilliseconds: 500)
        #expect(isAdmitted)
    }

    @Test func `a rest of any length earns one second's worth, not more`() {
        var meter = Meter()
        var admitted = 0
        for _ in 0..<50 where meter.admits(perSecond: 5, nowMilliseconds: 1 << 40) { admitted += 1 }
        #expect(admitted == 5)
    }

    @Test(arguments: [(999, false), (1_000, true)])
    func `it is full when all that it gave has come back`(_ milliseconds: UInt64, _ full: Bool) {
        var meter = Meter()
        for _ in 0..<4 { _ = meter.admits(perSecond: 4, nowMilliseconds: 0) }
        #expect(meter.isFull(nowMilliseconds: milliseconds) == full)
    }
}
