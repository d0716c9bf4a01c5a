// The keyed hash of channel names. What it is not: a digest for secrets or signatures.

/// The 128-bit key of ``sipHash13(_:key:)``, random and one per process: who does not know it
/// cannot choose channel names that all land on one loop or in one bucket.
package struct HashKey: Sendable {
    let k0: UInt64
    let k1: UInt64

    package init(_ k0: UInt64, _ k1: UInt64) {
        self.k0 = k0
        self.k1 = k1
    }
}

/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") of `bytes`, any count.
///
/// Any thread. About one round for each 8 bytes and four more.
package func sipHash13(_ bytes: Span<UInt8>, key: HashKey) -> UInt64 {
    var hasher = SipHasher(key)
    hasher.append(bytes)
    return hasher.finish()
}

/// SipHash-1-3 of bytes that come in pieces: the same as of all of them at once.
package struct SipHasher {
    private var state: SipState
    /// The bytes since the last whole word, the first one lowest.
    private var word: UInt64 = 0
    private var count: UInt64 = 0

    package init(_ key: HashKey) { state = SipState(key) }

    package mutating func append(_ byte: UInt8) {
        word |= UInt64(byte) << (count & 7 * 8)
        count += 1
        guard count & 7 == 0 else { return }
        state.absorb(word)
        word = 0
    }

    package mutating func append(_ bytes: Span<UInt8>) {
        let raw = bytes.bytes
        var offset = 0
        while offset < bytes.count {
            if count & 7 == 0, bytes.count - offset >= 8 {
                // Bounds are checked by `RawSpan`; "unsafe" names only the choice of type, and every
                // bit pattern is a UInt64.
                append(
                    UInt64(
                        littleEndian: raw.unsafeLoadUnaligned(
                            fromByteOffset: offset, as: UInt64.self)))
                offset += 8
            } else {
                append(bytes[offset])
                offset += 1
            }
        }
    }

    /// The eight bytes of `value`, the lowest first.
    package mutating func append(_ value: UInt64) {
        guard count & 7 != 0 else {
            count += 8
            return state.absorb(value)
        }
        for shift in stride(from: 0, to: 64, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    package consuming func finish() -> UInt64 {
        // The last word: what is left over, and the length's low byte on top.
        state.absorb(word | count << 56)
        return state.finish()
    }
}

private struct SipState {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    /// The constants are the paper's: "somepseudorandomlygeneratedbytes" in ASCII.
    init(_ key: HashKey) {
        v0 = key.k0 ^ 0x736f_6d65_7073_6575
        v1 = key.k1 ^ 0x646f_7261_6e64_6f6d
        v2 = key.k0 ^ 0x6c79_6765_6e65_7261
        v3 = key.k1 ^ 0x7465_6462_7974_6573
    }

    /// One compression round a word: the "1" of SipHash-1-3.
    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    /// Three rounds at the end: the "3".
    mutating func finish() -> UInt64 {
        v2 ^= 0xff
        round()
        round()
        round()
        return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
        v0 = v0 &+ v1
        v2 = v2 &+ v3
        v1 = rotate(v1, 13) ^ v0
        v3 = rotate(v3, 16) ^ v2
        v0 = rotate(v0, 32)
        v2 = v2 &+ v1
        v0 = v0 &+ v3
        v1 = rotate(v1, 17) ^ v2
        v3 = rotate(v3, 21) ^ v0
        v2 = rotate(v2, 32)
    }
}

private func rotate(_ word: UInt64, _ left: UInt64) -> UInt64 {
    word << left | word >> (64 - left)
}
