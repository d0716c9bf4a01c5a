// Word-at-a-time work on bytes that safe code would do one by one.

private import Glibc

/// Appends `source` XORed with the four-byte `key`, as RFC 6455 §5.3 masks and unmasks.
///
/// - Parameters:
///   - key: the masking key, first wire byte in the lowest byte.
///   - phase: how many bytes of this frame's payload came before `source`; only its two lowest bits
///     count.
package func appendMasked(
    _ source: Span<UInt8>, key: UInt32, phase: Int, to destination: inout [UInt8]
) {
    let count = source.count
    guard count > 0 else { return }
    let rotated = key.rotatedRight(bytes: phase & 3)
    destination.append(addingCapacity: count) { output in
        output.withUnsafeMutableBufferPointer { target, initialized in
            source.withUnsafeBufferPointer { bytes in
                let out = UnsafeMutableRawPointer(target.baseAddress!) + initialized
                let from = UnsafeRawPointer(bytes.baseAddress!)
                let wide = UInt64(rotated) | UInt64(rotated) << 32
                var at = 0
                while at + 8 <= count {
                    let word = from.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    out.storeBytes(of: word ^ wide, toByteOffset: at, as: UInt64.self)
                    at += 8
                }
                while at < count {
                    let mask = UInt8(truncatingIfNeeded: rotated >> UInt32((at & 3) * 8))
                    out.storeBytes(of: bytes[at] ^ mask, toByteOffset: at, as: UInt8.self)
                    at += 1
                }
            }
            initialized += count
        }
    }
}

/// Appends a copy of `source`.
package func append(_ source: Span<UInt8>, to destination: inout [UInt8]) {
    guard source.count > 0 else { return }
    source.withUnsafeBufferPointer { destination.append(contentsOf: $0) }
}

/// A copy of `source`.
package func array(_ source: Span<UInt8>) -> [UInt8] {
    source.withUnsafeBufferPointer { Array($0) }
}

/// The offset of the first byte at or after `start` that is not ASCII; `bytes.count` if all are.
package func endOfASCII(in bytes: Span<UInt8>, from start: Int) -> Int {
    bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return 0 }
        let raw = UnsafeRawPointer(base)
        var at = start
        while at + 8 <= buffer.count {
            let word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            if word & 0x8080_8080_8080_8080 != 0 { break }
            at += 8
        }
        while at < buffer.count, buffer[at] < 0x80 { at += 1 }
        return at
    }
}

/// The offset of the first `byte` at or after `start`, or `nil`.
package func firstIndex(of byte: UInt8, in bytes: Span<UInt8>, from start: Int) -> Int? {
    precondition(start >= 0 && start <= bytes.count, "start \(start) of \(bytes.count) bytes")
    return bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress,
            let found = memchr(base + start, Int32(byte), buffer.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
}

/// Whether two runs of bytes are the same.
package func equal(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    return a.withUnsafeBufferPointer { left in
        b.withUnsafeBufferPointer { right in
            left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
        }
    }
}

extension UInt32 {
    fileprivate func rotatedRight(bytes: Int) -> UInt32 {
        let bits = UInt32(bytes * 8)
        return bits == 0 ? self : (self >> bits) | (self << (32 - bits))
    }
}
