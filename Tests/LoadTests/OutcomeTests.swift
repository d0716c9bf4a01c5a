// What threads and processes leave, put together.

import FoundationEssentials
import Glibc
import Histogram
import Synchronization
import Testing

@testable import carillon_bench

@Suite struct OutcomeTests {
    @Test func `two outcomes come to the sum of both, also by way of a pipe`() throws {
        var one = Outcome(tally: Tally(lost: 1, unfinished: 2))
        one.latency.record(1000, count: 3)
        one.returns.record(50)
        var other = Outcome(tally: Tally(lost: 2, damaged: 4), failure: "it broke")
        other.latency.record(3000, count: 1)
        let sent = try JSONEncoder().encode(other)
        one.add(try JSONDecoder().decode(Outcome.self, from: sent))
        #expect(one.tally == Tally(lost: 3, damaged: 4, unfinished: 2))
        #expect(one.latency.totalCount == 4 && one.returns.totalCount == 1)
        #expect(one.latency.countForValue(1000) == 3 && one.latency.countForValue(3000) == 1)
        #expect(one.failure == "it broke")
    }

    @Test func `a histogram gives twenty points that never fall, an empty one none`() {
        var histogram = Histogram<UInt32>(highestTrackableValue: Receipt.latencyMax)
        #expect(Percentile.all(of: histogram).isEmpty)
        for value in 1...10_000 as ClosedRange<UInt64> { histogram.record(value) }
        let points = Percentile.all(of: histogram)
        #expect(points.count == 20)
        #expect(zip(points, points.dropFirst()).allSatisfy { $0.value <= $1.value })
        #expect(points.first?.percentile == 0 && points.last?.percentile == 100)
        #expect(abs((points.first { $0.percentile == 50 }?.value ?? 0) - 5) < 0.01)
    }

    @Test func `each of several processes leaves what it has to say`() async {
        await #expect(processExitsWith: .success) {
            var siblings = try Siblings(3) { number in
                [UInt8](repeating: UInt8(number), count: number * 100_000)
            }
            let left = try siblings.join()
            let sizes = left.map(\.count)
            guard sizes == [100_000, 200_000, 300_000], left.map({ $0[0] }) == [1, 2, 3] else {
                exit(1)
            }
        }
    }

    @Test func `a process that ends by itself is told of`() async {
        await #expect(processExitsWith: .success) {
            var siblings = try Siblings(2) { number in
                if number == 2 { _exit(3) }
                return [1]
            }
            do throws(Failure) {
                _ = try siblings.join()
                exit(1)
            } catch {
                exit(error.description.contains("ended by itself") ? 0 : 2)
            }
        }
    }

    @Test func `what one process writes into shared memory another reads`() async {
        await #expect(processExitsWith: .success) {
            let shared = try Shared(workers: 2, timesKept: 4)
            var siblings = try Siblings(1) { _ in
                shared.boards[1].counters.pointee.delivered.store(7, ordering: .relaxed)
                shared.sentAt[3] = 11
                shared.phase = .draining
                return []
            }
            _ = try siblings.join()
            guard shared.delivered == 7, shared.sentAt[3] == 11, shared.phase == .draining else {
                exit(1)
            }
        }
    }
}
