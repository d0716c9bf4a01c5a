// Sizes as people write them: 64M.

/// A number of bytes, as text with an optional unit: `K`, `M`, `G` for 2^10, 2^20, 2^30.
package struct ByteSize: Sendable, Equatable {
    package var bytes: Int

    package init(bytes: Int) { self.bytes = bytes }

    /// - Parameter text: digits, then at most one unit in either case; nil for anything else, and
    ///   for more than `Int` holds.
    package init?(_ text: String) {
        var digits = text.utf8[...]
        var shift = 0
        switch digits.last {
        case UInt8(ascii: "K"), UInt8(ascii: "k"): shift = 10
        case UInt8(ascii: "M"), UInt8(ascii: "m"): shift = 20
        case UInt8(ascii: "G"), UInt8(ascii: "g"): shift = 30
        default: break
        }
        if shift > 0 { digits.removeLast() }
        let isDecimal = digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isDecimal, let number = Int(Substring(digits)) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        guard !overflow else { return nil }
        self.bytes = bytes
    }
}

extension ByteSize: CustomStringConvertible {
    /// The shortest text that means the same.
    package var description: String {
        for (unit, shift) in [("G", 30), ("M", 20), ("K", 10)]
        where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)"
    }
}
