// The bounds of one TLS connection, with their reasons.

/// Limits per connection; a context hands them to its engines.
package struct TLSLimits: Sendable {
    /// Ciphertext that one ``TLSEngine/receive(_:plaintext:)`` takes: the loop's read buffer.
    package static let receiveBytesMax = 65_536

    /// Ciphertext before the handshake is done. A client's part is some hundred bytes, two thousand
    /// with post-quantum keys, and OpenSSL alone would keep 131,396 for a stranger. A server's part
    /// holds its certificates, so the client role allows eight times as much.
    package var handshakeBytesMax = 16_384

    /// Key updates, tickets and renegotiation attempts that need no justification by data. A key
    /// update that wants an answer counts twice.
    package var postHandshakeMessagesMax = 32

    /// Data received that justifies one post-handshake message more.
    package var bytesPerPostHandshakeMessage: UInt64 = 65_536

    /// Data sent under one key before it is renewed (TLS 1.3 only): a third of the 2^24.5 full
    /// records that RFC 8446 §5.5 allows for AES-GCM.
    package var bytesSentPerKeyMax: UInt64 = 1 << 37

    package init() {}
}
