// What the text codecs need below them: one scan, one comparison, one way to fill a buffer from
// code that may hold no pointer.

/// The offset of the first byte at or after `start` that may not stand as it is in a JSON string
/// (RFC 8259 §7): a quotation mark, a backslash, or a control below 0x20; `bytes.count` if none.
package func endOfPlainJSON(in bytes: Span<UInt8>, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "start \(start) of \(bytes.count) bytes")
    return bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return 0 }
        let raw = UnsafeRawPointer(base)
        var at = start
        while at + 8 <= buffer.count {
            let word = UInt64(
                littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            let hits = specialsOfJSON(in: word)
            // A borrow marks wrongly only above a true hit, so the lowest mark is always true.
            if hits != 0 { return at + hits.trailingZeroBitCount / 8 }
            at += 8
        }
        while at < buffer.count {
            let byte = buffer[at]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { return at }
            at += 1
        }
        return at
    }
}

/// The high bit of each byte of `word` that a JSON string must escape; exact in the lowest one.
@inline(__always)
private func specialsOfJSON(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let control = (word &- ones &* 0x20) & ~word
    return (control | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash))
        & (ones &* 0x80)
}

/// Whether `bytes` are the UTF-8 of `text`.
package func equal(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    text.withUTF8Buffer { equal(bytes, $0.span) }
}

extension ByteBuffer {
    /// Appends what `body` writes, at most `atMost` bytes.
    package func append(atMost: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
        appendUnsafe(atMost: atMost) { buffer in
            var output = OutputSpan(buffer: buffer, initializedCount: 0)
            body(&output)
            return output.finalize(for: buffer)
        }
    }
}
