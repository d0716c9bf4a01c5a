// Random numbers that can be had again.

import Foundation

/// SplitMix64: all of its state is the seed that a failing test prints.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// `0..<bound`.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// True once in `n` times.
    mutating func oneIn(_ n: Int) -> Bool { below(n) == 0 }
}

private let givenSeed = ProcessInfo.processInfo.environment["CARILLON_SEED"].flatMap { UInt64($0) }

/// Whether one seed is to be run, which somebody wants to look at.
var isGivenSeed: Bool { givenSeed != nil }

/// The seeds to run: the one in `CARILLON_SEED`, otherwise `count` from 1 on.
func seeds(_ count: Int) -> [UInt64] {
    givenSeed.map { [$0] } ?? (1...UInt64(count)).map { $0 }
}
