// UTF-8 checked as it arrives, in pieces cut anywhere.

/// Tells valid UTF-8 from the rest, piece by piece, and fails at the first byte that no valid text
/// can have there (RFC 6455 §8.1, RFC 3629 §4).
///
/// Three bytes of state: what the next byte may be, and how many follow it in its sequence.
package struct UTF8Validator {
    /// Continuation bytes still due in the sequence begun.
    private var missing: UInt8 = 0
    /// What the next continuation byte may be. Only the second byte of a sequence has a range other
    /// than 80…BF: that is where overlong forms, surrogates and values above U+10FFFF show.
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    package init() {}

    /// Whether the text so far ends between two characters.
    package var isComplete: Bool { missing == 0 }

    /// Takes the next piece.
    ///
    /// - Returns: false when the text so far cannot begin any valid text; it stays false then.
    package mutating func feed(_ bytes: Span<UInt8>) -> Bool {
        var start = 0
        while missing > 0 && start < bytes.count {
            guard step(bytes[start]) else { return fail() }
            start += 1
        }
        let end = startOfLastSequence(in: bytes, from: start)
        // What lies between two cuts is most of the text, and the standard library's own check runs
        // through it several times faster than steps do.
        guard (try? UTF8Span(validating: bytes.extracting(start..<end))) != nil else {
            return fail()
        }
        for place in end..<bytes.count {
            guard step(bytes[place]) else { return fail() }
        }
        return true
    }

    /// Where a sequence starts that may go on after the end; `bytes.count` when there is none.
    private func startOfLastSequence(in bytes: Span<UInt8>, from start: Int) -> Int {
        var at = bytes.count
        while at > start && bytes.count - at < 3 {
            at -= 1
            if bytes[at] >= 0xC0 { return at }
            if bytes[at] < 0x80 { break }
        }
        return bytes.count
    }

    private mutating func step(_ byte: UInt8) -> Bool {
        guard missing > 0 else { return byte < 0x80 || begin(byte) }
        guard byte >= lower && byte <= upper else { return false }
        lower = 0x80
        upper = 0xBF
        missing -= 1
        return true
    }

    /// Takes the first byte of a sequence; the table of RFC 3629 §4.
    private mutating func begin(_ lead: UInt8) -> Bool {
        switch lead {
        case 0xC2...0xDF: missing = 1
        case 0xE0...0xEF:
            missing = 2
            if lead == 0xE0 { lower = 0xA0 }
            if lead == 0xED { upper = 0x9F }
        case 0xF0...0xF4:
            missing = 3
            if lead == 0xF0 { lower = 0x90 }
            if lead == 0xF4 { upper = 0x8F }
        default: return false
        }
        return true
    }

    /// Leaves a state that no byte satisfies, so that a caller who goes on is told again.
    private mutating func fail() -> Bool {
        missing = 1
        lower = 0xFF
        upper = 0x00
        return false
    }
}

/// Whether `bytes` as a whole are UTF-8.
package func isValidUTF8(_ bytes: Span<UInt8>) -> Bool {
    (try? UTF8Span(validating: bytes)) != nil
}
