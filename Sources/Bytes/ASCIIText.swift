// What text protocols ask of their bytes over and over: where a line ends, and whether a name is
// one that is known when compiled. Not a parser: it knows no protocol's grammar.

/// The offset of the first control byte (below 0x20, or 0x7F) at or after `start`; `bytes.count` if
/// there is none. A tab is a control byte too; who allows it goes on behind it.
///
/// Eight bytes at a time, since protocol heads are looked at byte for byte by everybody else.
package func firstControl(in bytes: Span<UInt8>, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "start \(start) of \(bytes.count) bytes")
    return bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return 0 }
        let raw = UnsafeRawPointer(base)
        var at = start
        while at + 8 <= buffer.count {
            let loaded = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let hits = controlBits(of: UInt64(littleEndian: loaded))
            if hits != 0 { return at + hits.trailingZeroBitCount / 8 }
            at += 8
        }
        while at < buffer.count, buffer[at] >= 0x20, buffer[at] != 0x7F { at += 1 }
        return at
    }
}

/// The top bit of each byte that is a control byte. Borrows can set bits above a true hit, never
/// below one, so only the lowest set bit is to be trusted.
@inline(__always)
private func controlBits(of word: UInt64) -> UInt64 {
    let belowSpace = (word &- 0x2020_2020_2020_2020) & ~word
    let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
    let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
    return (belowSpace | isDelete) & 0x8080_8080_8080_8080
}

/// Whether `bytes` spell `text`, upper and lower case of ASCII letters taken as the same.
package func equalIgnoringCase(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    text.withUTF8Buffer { expected in
        guard bytes.count == expected.count else { return false }
        for at in 0..<expected.count {
            let difference = bytes[at] ^ expected[at]
            if difference == 0 { continue }
            // 0x20 apart are also pairs like '@' and '`', which are not the same.
            let lowered = expected[at] | 0x20
            guard difference == 0x20, lowered >= 0x61, lowered <= 0x7A else { return false }
        }
        return true
    }
}

/// Whether `bytes` are exactly `text`.
package func equal(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    text.withUTF8Buffer { equal(bytes, $0.span) }
}
