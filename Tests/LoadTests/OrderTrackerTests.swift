// What a subscriber's account makes of sequences that come in every kind of disorder.

import Testing

@testable import carillon_bench

@Suite struct OrderTrackerTests {
    struct Count: Equatable {
        var missing: UInt64 = 0
        var late = 0
        var duplicates = 0
    }

    static func count(_ sequences: [UInt64]) -> Count {
        var tracker = OrderTracker()
        var count = Count()
        for sequence in sequences {
            switch tracker.take(sequence) {
            case .inOrder: break
            case .ahead(let missing): count.missing += missing
            case .late:
                count.missing -= 1
                count.late += 1
            case .duplicate: count.duplicates += 1
            }
        }
        return count
    }

    @Test(
        arguments: [
            ([0, 1, 2, 3], Count()),
            ([0, 2, 3], Count(missing: 1)),
            ([3], Count(missing: 3)),
            ([0, 1, 1, 2], Count(duplicates: 1)),
            ([0, 2, 1, 3], Count(late: 1)),
            ([0, 2, 1, 1, 3], Count(late: 1, duplicates: 1)),
            ([0, 3, 1, 4], Count(missing: 1, late: 1)),
            ([0, 0, 0], Count(duplicates: 2)),
        ] as [([UInt64], Count)])
    func `missing, late and doubled sequences are told apart`(
        _ sequences: [UInt64], _ expected: Count
    ) {
        #expect(Self.count(sequences) == expected)
    }

    @Test func `a sequence 63 behind is still known, one 64 behind counts as doubled`() {
        #expect(Self.count([64, 1]) == Count(missing: 63, late: 1))
        #expect(Self.count([64, 0]) == Count(missing: 64, duplicates: 1))
    }

    @Test(arguments: [62, 63, 64, 200] as [UInt64])
    func `a gap of any size leaves only itself missing`(_ gap: UInt64) {
        #expect(Self.count([0, gap + 1, gap + 1]) == Count(missing: gap, duplicates: 1))
    }

    @Test func `any shuffle within reach loses nothing`() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SplitMix(state: seed)
        let sequences = (0..<60 as Range<UInt64>).shuffled(using: &generator)
        let count = Self.count(sequences)
        #expect(count.missing == 0 && count.duplicates == 0, "seed \(seed)")
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
