// Digests and the keyed digest, by OpenSSL. Whole messages only: nothing here is fed piece by
// piece.

private import COpenSSL

/// The digests in use, fetched once: a fetch per call costs more than hashing a short message.
private struct Algorithm: @unchecked Sendable {
    // An EVP_MD is immutable once fetched and made for use by any thread, hence the unchecked
    // Sendable. It is never freed: it lives as long as the process.
    let digest: OpaquePointer
    let byteCount: Int

    static let sha1 = Algorithm("SHA1", byteCount: 20)
    static let sha256 = Algorithm("SHA256", byteCount: 32)

    private init(_ name: String, byteCount: Int) {
        guard let digest = EVP_MD_fetch(nil, name, nil) else {
            fatalError("OpenSSL offers no \(name)")
        }
        self.digest = digest
        self.byteCount = byteCount
    }
}

/// SHA-1, 20 bytes. For what a protocol demands (RFC 6455 §4.2.2), never as a safeguard. Any
/// thread.
package func sha1(_ bytes: Span<UInt8>) -> [UInt8] {
    bytes.withUnsafeBufferPointer { bytes in
        output(of: .sha1) { out, written in
            EVP_Digest(
                bytes.baseAddress, bytes.count, out, &written, Algorithm.sha1.digest, nil) == 1
        }
    }
}

/// HMAC-SHA-256 (RFC 2104), 32 bytes. Any thread.
///
/// - Parameter key: any number of bytes, 32 or more to be worth its name.
package func hmacSHA256(key: Span<UInt8>, message: Span<UInt8>) -> [UInt8] {
    precondition(key.count <= Int(Int32.max), "a key of \(key.count) bytes")
    return key.withUnsafeBufferPointer { key in
        message.withUnsafeBufferPointer { message in
            output(of: .sha256) { out, written in
                HMAC(
                    Algorithm.sha256.digest, key.baseAddress, Int32(key.count),
                    message.baseAddress, message.count, out, &written) != nil
            }
        }
    }
}

/// The bytes that `body` writes; a digest of bytes in memory fails only where memory ran out.
private func output(
    of algorithm: Algorithm, _ body: (UnsafeMutablePointer<UInt8>, inout UInt32) -> Bool
) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: algorithm.byteCount) { buffer, count in
        var written: UInt32 = 0
        let done = body(buffer.baseAddress!, &written)
        precondition(done && Int(written) == algorithm.byteCount, "OpenSSL computed no digest")
        count = algorithm.byteCount
    }
}
