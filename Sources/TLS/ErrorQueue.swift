// OpenSSL's error queue, of which each thread has one, as text. Whoever reads it leaves it empty,
// since a leftover entry would be taken for the next call's.

private import COpenSSL
private import Glibc

/// The cause of the last failure on this thread.
struct QueuedError {
    private let code: UInt

    /// Takes the oldest entry, which is the one nearest to the cause, and empties the queue.
    static func take() -> QueuedError {
        let code = ERR_get_error()
        ERR_clear_error()
        return QueuedError(code: code)
    }

    /// Takes the oldest entry that speaks of TLS, if there is one; below it stand those of the
    /// cipher or parser that failed ("cipher operation failed"). Empties the queue.
    static func takeOfSSL() -> QueuedError {
        let oldest = QueuedError(code: ERR_get_error())
        var entry = oldest
        while entry.code != 0, entry.sslReason == nil { entry = QueuedError(code: ERR_get_error()) }
        ERR_clear_error()
        return entry.code == 0 ? oldest : entry
    }

    /// The reason number, if the entry is of OpenSSL's SSL part.
    var sslReason: Int32? {
        guard code != 0, carillon_ERR_SYSTEM_ERROR(code) == 0,
            carillon_ERR_GET_LIB(code) == ERR_LIB_SSL
        else { return nil }
        return carillon_ERR_GET_REASON(code)
    }

    /// The alert that the peer sent, if that is what failed: OpenSSL numbers these from 1000 on.
    var alertReceived: UInt8? {
        guard let reason = sslReason, reason >= SSL_AD_REASON_OFFSET else { return nil }
        return UInt8(exactly: reason - SSL_AD_REASON_OFFSET)
    }

    /// OpenSSL's words, or the system's for a file that cannot be read.
    var reason: String {
        guard code != 0 else { return "no reason was given" }
        if carillon_ERR_SYSTEM_ERROR(code) != 0 {
            return String(cString: strerror(carillon_ERR_GET_REASON(code)))
        }
        guard let text = ERR_reason_error_string(code) else {
            return "OpenSSL error 0x\(String(code, radix: 16))"
        }
        return String(cString: text)
    }

    /// As ``reason``, in words that help where `reason` alone would not.
    var fileReason: String {
        guard code != 0, carillon_ERR_SYSTEM_ERROR(code) == 0 else { return reason }
        return switch (carillon_ERR_GET_LIB(code), carillon_ERR_GET_REASON(code)) {
        case (ERR_LIB_PEM, PEM_R_NO_START_LINE), (ERR_LIB_OSSL_DECODER, Int32(ERR_R_UNSUPPORTED)):
            "it holds nothing of that kind in PEM form"
        case (ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ),
            (ERR_LIB_CRYPTO, Int32(ERR_R_INTERRUPTED_OR_CANCELLED)):
            "it is protected by a pass phrase"
        default:
            reason
        }
    }
}

extension TLSError {
    /// What a failed handshake or read means. Empties the queue.
    ///
    /// - Parameter verification: OpenSSL's verdict on the peer's certificate.
    static func taken(duringHandshake: Bool, verification: Int) -> TLSError {
        let queued = QueuedError.takeOfSSL()
        if let alert = queued.alertReceived {
            let meaning = String(cString: SSL_alert_desc_string_long(Int32(alert)))
            return .alertReceived(code: alert, meaning: meaning)
        }
        switch queued.sslReason {
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
            return .plainHTTP
        case SSL_R_WRONG_VERSION_NUMBER where duringHandshake:
            return .notTLS
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return .noApplicationProtocol
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            let reason = String(cString: X509_verify_cert_error_string(verification))
            return .verificationFailed(reason: reason)
        default:
            return duringHandshake
                ? .handshakeFailed(reason: queued.reason) : .recordRefused(reason: queued.reason)
        }
    }

    static func setup() -> TLSError { .setupFailed(reason: QueuedError.take().reason) }
}
