// Random bytes, and the comparison that does not tell by its time where two secrets differ.

private import COpenSSL

/// Whether two runs of bytes are the same, in a time that depends on their lengths only. That two
/// lengths differ may show; it tells nothing of a secret's bytes. Any thread.
package func equalInConstantTime(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    return a.withUnsafeBufferPointer { left in
        b.withUnsafeBufferPointer { right in
            left.isEmpty || CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
        }
    }
}

/// `count` bytes from OpenSSL's generator, which is seeded by the system. Any thread.
///
/// Stops the process where the generator fails: going on would mean guessable secrets.
package func randomBytes(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= Int(Int32.max), "\(count) random bytes")
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
        if count > 0 { fill(UnsafeMutableRawBufferPointer(buffer)) }
        written = count
    }
}

/// A number from OpenSSL's generator, each of 2^64 as likely. Any thread.
package func randomUInt64() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { fill($0) }
    return value
}

private func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    let base = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
    guard RAND_bytes(base, Int32(buffer.count)) == 1 else {
        fatalError("OpenSSL's random generator failed")
    }
}
