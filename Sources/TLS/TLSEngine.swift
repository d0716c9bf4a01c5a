// One TLS connection without its socket: ciphertext in, plaintext out, and back.

package import Bytes
private import COpenSSL

/// Which end of the connection an engine is.
package enum TLSRole: Sendable {
    case server
    /// - Parameter serverName: the host name or address to reach: it is sent as SNI (a name only,
    ///   RFC 6066 §3) and the certificate must carry it, unless the context trusts anybody.
    case client(serverName: String)
}

/// What a call of ``TLSEngine/receive(_:plaintext:)`` came to.
package enum TLSOutcome: Equatable {
    /// The connection goes on.
    case open(handshakeDone: Bool)
    /// The peer has sent its last byte and said so (close_notify); we may still send.
    case closed
    /// The connection is over. ``TLSLoop/outgoing`` holds the alert to send, if there is one.
    case failed(TLSError)
}

/// One connection's TLS state. Owner loop only.
///
/// It holds no ciphertext but the start of a record whose end has not come, and no plaintext. All
/// that it writes, it appends to ``TLSLoop/outgoing``; the caller sends that after each call.
package final class TLSEngine {
    private enum State: UInt8 { case handshaking, open, closedByPeer, failed }

    let ssl: OpaquePointer
    /// Held, since OpenSSL's callbacks read from the one and its reads and writes go to the other.
    private let context: TLSContext
    private let loop: TLSLoop

    private var state = State.handshaking
    private var closeSent = false
    private var handshakeBytes: UInt32 = 0
    private var postHandshakeMessages: UInt64 = 0
    private var bytesReceived: UInt64 = 0
    private var bytesSentUnderKey: UInt64 = 0

    /// - Throws: ``TLSError/hostInvalid(_:)`` for a server name that is none, or
    ///   ``TLSError/setupFailed(reason:)``.
    package init(
        context: TLSContext, loop: TLSLoop, role: TLSRole, resuming session: TLSSession? = nil
    ) throws(TLSError) {
        guard let ssl = SSL_new(context.handle) else { throw .setup() }
        self.ssl = ssl
        self.context = context
        self.loop = loop
        // SSL_set_bio takes one reference for both ways where they are the same BIO.
        BIO_up_ref(loop.bio)
        SSL_set_bio(ssl, loop.bio, loop.bio)
        switch role {
        case .server:
            precondition(context.side == .server, "a client's context for a server's engine")
            SSL_set_accept_state(ssl)
        case .client(let serverName):
            precondition(context.side == .client, "a server's context for a client's engine")
            try expect(serverName)
            if let session { SSL_set_session(ssl, session.handle) }
            SSL_set_connect_state(ssl)
        }
    }

    deinit { SSL_free(ssl) }

    /// Client: what the server is called, in its certificate and in SNI.
    private func expect(_ serverName: String) throws(TLSError) {
        guard isHost(serverName) else { throw .hostInvalid(serverName) }
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 { return }
        // What is no address leaves an entry in the queue.
        ERR_clear_error()
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard SSL_set1_host(ssl, serverName) == 1,
            carillon_SSL_set_tlsext_host_name(ssl, serverName) == 1
        else { throw .setup() }
    }

    package var isHandshakeDone: Bool { state == .open || state == .closedByPeer }

    /// Client: appends the first flight. Call once, before anything else.
    package func start() {
        precondition(context.side == .client && state == .handshaking, "start() of a server")
        _ = handshake()
    }

    /// Takes ciphertext from the peer.
    ///
    /// - Parameters:
    ///   - ciphertext: 1 to 65536 bytes, split anywhere; taken entirely, and not kept after the
    ///     call but for an unfinished record, which OpenSSL copies.
    ///   - plaintext: gets what was decrypted, appended; up to 16 KiB more than `ciphertext`.
    /// - Returns: after ``TLSOutcome/failed(_:)`` nothing more may be sent but what the loop holds.
    package func receive(
        _ ciphertext: UnsafeRawBufferPointer, plaintext: ByteBuffer
    ) -> TLSOutcome {
        precondition(
            (1...TLSLimits.receiveBytesMax).contains(ciphertext.count),
            "\(ciphertext.count) bytes of ciphertext")
        switch state {
        case .handshaking, .open: break
        // RFC 8446 §6.1: what comes after close_notify is ignored.
        case .closedByPeer: return .closed
        case .failed: return .failed(.failedBefore)
        }
        // Somebody else's leftover entry would be taken for ours.
        ERR_clear_error()
        loop.beginInput(ciphertext)
        let outcome = advance(ciphertext, plaintext)
        if case .open = outcome {
            precondition(loop.inputCount == 0, "\(loop.inputCount) bytes of ciphertext not read")
        }
        loop.endInput()
        return outcome
    }

    private func advance(
        _ ciphertext: UnsafeRawBufferPointer, _ plaintext: ByteBuffer
    ) -> TLSOutcome {
        if state == .handshaking {
            let isFirst = handshakeBytes == 0
            if let failure = handshake() {
                let isHTTP = isFirst && failure == .failed(.notTLS) && startsLikeHTTP(ciphertext)
                return isHTTP ? .failed(.plainHTTP) : failure
            }
            guard state == .open else { return .open(handshakeDone: false) }
        }
        return read(plaintext)
    }

    /// Carries the handshake as far as the input goes.
    ///
    /// - Returns: `nil` unless it failed.
    private func handshake() -> TLSOutcome? {
        let before = loop.inputCount
        let result = SSL_do_handshake(ssl)
        handshakeBytes += UInt32(before - loop.inputCount)
        if result == 1 {
            state = .open
            releaseBuffers()
            return nil
        }
        guard SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ, loop.inputCount == 0 else {
            return failed()
        }
        let bytesMax = context.limits.handshakeBytesMax * (context.side == .client ? 8 : 1)
        if Int(handshakeBytes) > bytesMax {
            state = .failed
            return .failed(.handshakeTooLong(bytesMax: bytesMax))
        }
        return nil
    }

    /// Decrypts until the shared BIO is empty and OpenSSL holds no more than part of a record.
    private func read(_ plaintext: ByteBuffer) -> TLSOutcome {
        let room = Int(SSL3_RT_MAX_PLAIN_LENGTH)
        // With room for a whole record, and after data, an empty input means that nothing is left
        // to ask for. After a post-handshake message a second one may stand in the same record.
        var isDue = loop.inputCount > 0
        var hasHandled = false
        while isDue {
            let writesBefore = loop.writes
            loop.isStarved = false
            var result: Int32 = 0
            var count = 0
            plaintext.appendUnsafe(atMost: room) { buffer in
                result = SSL_read_ex(ssl, buffer.baseAddress, room, &count)
                return count
            }
            bytesReceived += UInt64(count)
            if result != 1 {
                switch SSL_get_error(ssl, result) {
                case SSL_ERROR_WANT_READ: break
                case SSL_ERROR_ZERO_RETURN:
                    state = .closedByPeer
                    return .closed
                default: return failed()
                }
            }
            let writes = loop.writes &- writesBefore
            let handled = result != 1 && !loop.isStarved
            if handled || writes > 0, let flood = countPostHandshake(handled, writes) {
                return flood
            }
            hasHandled = hasHandled || handled
            isDue = handled || loop.inputCount > 0
        }
        if hasHandled { releaseBuffers() }
        return .open(handshakeDone: true)
    }

    /// - Parameters:
    ///   - handled: SSL_read ended without data and without need of more, as it does after a
    ///     post-handshake message, after its answer to one, and after nothing else.
    ///   - writes: what OpenSSL wrote meanwhile. Under TLS 1.2 each is its no to a renegotiation,
    ///     at which SSL_read does not end; under TLS 1.3 they are what `handled` counts.
    private func countPostHandshake(_ handled: Bool, _ writes: UInt32) -> TLSOutcome? {
        if handled {
            postHandshakeMessages += 1
        } else if SSL_version(ssl) == TLS1_2_VERSION {
            postHandshakeMessages += UInt64(writes)
        }
        let limits = context.limits
        let earned = bytesReceived / limits.bytesPerPostHandshakeMessage
        guard postHandshakeMessages > UInt64(limits.postHandshakeMessagesMax) + earned
        else { return nil }
        state = .failed
        return .failed(.postHandshakeFlood)
    }

    /// Gives back OpenSSL's two buffers, which it makes for every handshake message and, other than
    /// those for data, keeps: 33 KB.
    private func releaseBuffers() {
        // Not while a record is read in part: older releases would free it (CVE-2024-4741).
        if SSL_has_pending(ssl) == 0 { SSL_free_buffers(ssl) }
    }

    private func failed() -> TLSOutcome {
        let duringHandshake = state == .handshaking
        state = .failed
        return .failed(
            .taken(duringHandshake: duringHandshake, verification: SSL_get_verify_result(ssl)))
    }

    /// Encrypts `plaintext` into records of up to 16 KiB, appended to ``TLSLoop/outgoing``.
    ///
    /// Only while the handshake is done, nothing has failed, and ``startClose()`` was not called.
    ///
    /// - Throws: ``TLSError/recordRefused(reason:)`` where OpenSSL cannot encrypt: out of memory.
    package func send(_ plaintext: UnsafeRawBufferPointer) throws(TLSError) {
        precondition(isHandshakeDone, "data before the handshake is done, or after a failure")
        precondition(!closeSent, "data after close_notify")
        guard plaintext.count > 0 else { return }
        // Room for each record's header, type and tag, so that the buffer grows once.
        let records = plaintext.count / Int(SSL3_RT_MAX_PLAIN_LENGTH) + 1
        loop.outgoing.reserve(plaintext.count + records * 32)
        renewKeyIfDue(adding: UInt64(plaintext.count))
        var written = 0
        guard SSL_write_ex(ssl, plaintext.baseAddress, plaintext.count, &written) == 1,
            written == plaintext.count
        else {
            state = .failed
            throw .recordRefused(reason: QueuedError.take().reason)
        }
    }

    /// RFC 8446 §5.5: a key encrypts so much and no more. TLS 1.2 has no way to renew it short of
    /// a renegotiation, and goes on.
    private func renewKeyIfDue(adding count: UInt64) {
        bytesSentUnderKey += count
        guard bytesSentUnderKey > context.limits.bytesSentPerKeyMax else { return }
        bytesSentUnderKey = count
        guard SSL_version(ssl) == TLS1_3_VERSION else { return }
        // The message itself goes out with the next write.
        if SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 { ERR_clear_error() }
    }

    /// Appends close_notify to ``TLSLoop/outgoing``: our last record, also as the answer to the
    /// peer's. Does nothing the second time, before the handshake is done, or after a failure.
    package func startClose() {
        guard isHandshakeDone, !closeSent else { return }
        closeSent = true
        if SSL_shutdown(ssl) < 0 { ERR_clear_error() }
    }
}

/// Whether the first bytes are a method and a space (RFC 9112 §3); OpenSSL itself knows four.
private func startsLikeHTTP(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let method = bytes.prefix(8).prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    return method.count >= 3 && method.endIndex < bytes.count
        && bytes[method.endIndex] == UInt8(ascii: " ")
}
