// What a handshake settled, for logs and for clients that come again.

private import COpenSSL

/// The result of a handshake.
package struct TLSNegotiated: Sendable, Equatable {
    package let version: TLSVersion
    /// OpenSSL's name of the cipher suite, such as `TLS_AES_128_GCM_SHA256`.
    package let cipher: String
    /// The application protocol, if the client offered any (RFC 7301).
    package let alpn: String?
    /// The name that the client asked for (SNI, RFC 6066 §3), if it did.
    package let serverName: String?
    /// Whether a session ticket took the place of the certificate.
    package let isResumed: Bool
}

extension TLSEngine {
    /// What the handshake settled; `nil` before it is done.
    package var negotiated: TLSNegotiated? {
        guard isHandshakeDone, let version = TLSVersion(rawValue: UInt16(SSL_version(ssl))),
            let cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))
        else { return nil }
        var alpn: UnsafePointer<UInt8>?
        var alpnCount: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &alpn, &alpnCount)
        let chosen = UnsafeBufferPointer(start: alpn, count: Int(alpnCount))
        let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
        return TLSNegotiated(
            version: version, cipher: String(cString: cipher),
            alpn: chosen.isEmpty ? nil : String(decoding: chosen, as: UTF8.self),
            serverName: name.map { String(cString: $0) },
            isResumed: SSL_session_reused(ssl) == 1)
    }

    /// Client: what to resume the connection with, once the server's ticket has come. Under TLS 1.3
    /// that is after the handshake, with the first ciphertext that follows.
    package func session() -> TLSSession? {
        guard isHandshakeDone, let session = SSL_get1_session(ssl) else { return nil }
        guard SSL_SESSION_is_resumable(session) == 1 else {
            SSL_SESSION_free(session)
            return nil
        }
        return TLSSession(session)
    }
}

/// A session that a client may resume, with a context of the same settings. Owner loop only.
package final class TLSSession {
    let handle: OpaquePointer

    /// - Parameter handle: an `SSL_SESSION`, owned from here on.
    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { SSL_SESSION_free(handle) }
}
