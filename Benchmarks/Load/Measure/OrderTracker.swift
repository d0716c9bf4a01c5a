// One subscriber's account of the sequences it has seen: which are missing, came twice, came late.

struct OrderTracker {
    enum Verdict {
        case inOrder
        /// So many before it have not come.
        case ahead(missing: UInt64)
        /// One that was counted as missing came after all.
        case late
        /// Seen before, or more than 64 behind, where nobody remembers.
        case duplicate
    }

    /// The next sequence that is due.
    private(set) var next: UInt64 = 0
    /// Bit i: sequence `next - 1 - i` has come.
    private var seen: UInt64 = 0

    @inline(__always)
    mutating func takeNext() {
        next &+= 1
        seen = seen << 1 | 1
    }

    mutating func take(_ sequence: UInt64) -> Verdict {
        if sequence == next {
            takeNext()
            return .inOrder
        }
        if sequence > next {
            let missing = sequence - next
            seen = missing < 63 ? seen << (missing + 1) | 1 : 1
            next = sequence + 1
            return .ahead(missing: missing)
        }
        let back = next - 1 - sequence
        guard back < 64, seen & (1 << back) == 0 else { return .duplicate }
        seen |= 1 << back
        return .late
    }
}
