// What can go wrong between the files of a certificate and the last record of a connection.

/// One case per way to fail. Its description is a sentence for a person; `reason` is OpenSSL's or
/// the system's own wording.
package enum TLSError: Error, Equatable {
    /// The certificate file cannot be read, or holds no PEM certificate.
    case certificateUnreadable(path: String, reason: String)
    /// The private key's file cannot be read, holds no PEM key, or wants a pass phrase.
    case keyUnreadable(path: String, reason: String)
    /// The key is not the one that the certificate was made for.
    case keyMismatch(certificatePath: String, keyPath: String)
    /// The certificates to trust cannot be read.
    case trustUnreadable(path: String, reason: String)
    /// Not a host name or address that a certificate can carry.
    case hostInvalid(String)
    /// OpenSSL refused a setting, or had no memory.
    case setupFailed(reason: String)

    /// The peer sent a plain HTTP request; nothing was answered to it yet.
    case plainHTTP
    /// The peer's first bytes are no TLS record. OpenSSL answers them with nothing, rightly: an
    /// alert would mean nothing to that peer.
    case notTLS
    /// The peer offers protocols, and ours is not among them (RFC 7301 §3.2).
    case noApplicationProtocol
    /// The peer's certificate does not prove who it should be. Client role only.
    case verificationFailed(reason: String)
    /// Any other end of a handshake before it was done.
    case handshakeFailed(reason: String)
    /// More bytes than ``TLSLimits/handshakeBytesMax`` and no end of the handshake.
    case handshakeTooLong(bytesMax: Int)

    /// The peer gave up with an alert (RFC 8446 §6).
    case alertReceived(code: UInt8, meaning: String)
    /// A record that is broken, forged or out of place, after the handshake.
    case recordRefused(reason: String)
    /// More key updates, tickets or renegotiation attempts than there is data to justify them.
    case postHandshakeFlood
    /// The engine was used again after it had failed.
    case failedBefore
}

extension TLSError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .certificateUnreadable(let path, let reason):
            "cannot use the certificate file \(path): \(reason)"
        case .keyUnreadable(let path, let reason):
            "cannot use the private key file \(path): \(reason)"
        case .keyMismatch(let certificatePath, let keyPath):
            "the private key in \(keyPath) does not belong to the certificate in \(certificatePath)"
        case .trustUnreadable(let path, let reason):
            "cannot use the trusted certificates in \(path): \(reason)"
        case .hostInvalid(let host):
            "\"\(host)\" is neither a host name nor an address"
        case .setupFailed(let reason):
            "OpenSSL cannot be set up: \(reason)"
        case .plainHTTP:
            "the peer speaks plain HTTP where TLS is expected"
        case .notTLS:
            "the peer does not speak TLS"
        case .noApplicationProtocol:
            "the peer offers no application protocol that is spoken here"
        case .verificationFailed(let reason):
            "the peer's certificate is not accepted: \(reason)"
        case .handshakeFailed(let reason):
            "the TLS handshake failed: \(reason)"
        case .handshakeTooLong(let bytesMax):
            "the TLS handshake was not done after \(bytesMax) bytes"
        case .alertReceived(let code, let meaning):
            "the peer ended TLS with alert \(code), \(meaning)"
        case .recordRefused(let reason):
            "a TLS record was refused: \(reason)"
        case .postHandshakeFlood:
            "the peer renews its TLS keys without end"
        case .failedBefore:
            "this TLS connection has already failed"
        }
    }
}
