// The policy of this project on TLS, and how a certificate gets into an SSL_CTX. A server that
// knows several names will have one SSL_CTX for each, all made here, and choose by a server name
// callback.

private import COpenSSL

/// An `SSL_CTX` under construction: owned here until ``release()``, so that a throw frees it.
struct ContextSetup: ~Copyable {
    private let context: OpaquePointer

    /// TLS 1.2 and 1.3, ciphers with authentication only, and all that both sides have in common.
    static func make(
        _ side: TLSSide, versions: ClosedRange<TLSVersion>
    ) throws(TLSError) -> ContextSetup {
        let method = side == .server ? TLS_server_method() : TLS_client_method()
        guard let context = SSL_CTX_new(method) else { throw .setup() }
        let setup = ContextSetup(context)
        try setup.setProtocol(versions)
        setup.setModes()
        return setup
    }

    private init(_ context: OpaquePointer) { self.context = context }

    deinit { SSL_CTX_free(context) }

    /// The finished context, now the caller's to free.
    consuming func release() -> OpaquePointer {
        let context = context
        discard self
        return context
    }

    private func setProtocol(_ versions: ClosedRange<TLSVersion>) throws(TLSError) {
        let lowest = Int32(versions.lowerBound.rawValue)
        let highest = Int32(versions.upperBound.rawValue)
        // AES-128 leads: with hardware support it is the fastest, and no attack tells it from 256.
        // Ephemeral keys only, so that a stolen key opens no recording.
        let tls12 = """
            ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
            ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
            ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
            """
        let tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        guard carillon_SSL_CTX_set_min_proto_version(context, lowest) == 1,
            carillon_SSL_CTX_set_max_proto_version(context, highest) == 1,
            SSL_CTX_set_cipher_list(context, tls12) == 1,
            SSL_CTX_set_ciphersuites(context, tls13) == 1,
            carillon_SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1
        else { throw .setup() }
        // The server's order counts, save that a client which puts ChaCha20 first (a phone without
        // AES instructions) gets it. Renegotiation is how one client makes a server do many
        // handshakes; compression leaks what it compresses (CRIME).
        SSL_CTX_set_options(
            context,
            carillon_SSL_OP_CIPHER_SERVER_PREFERENCE | carillon_SSL_OP_PRIORITIZE_CHACHA
                | carillon_SSL_OP_NO_RENEGOTIATION | carillon_SSL_OP_NO_COMPRESSION)
    }

    private func setModes() {
        // Buffers go back after each record: 34 KB less for an idle connection. The shared BIO
        // takes all that is written, so a write is never partial and never repeated from elsewhere.
        carillon_SSL_CTX_set_mode(
            context, Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        // Without it SSL_read comes back after each post-handshake message, and the engine can
        // count them. That, and a buffer that empties with each record, is also why there is no
        // read-ahead: reads from the shared BIO are copies, not system calls.
        carillon_SSL_CTX_clear_mode(context, Int(SSL_MODE_AUTO_RETRY))
        // Tickets carry their session; a cache on our side would be memory per stranger.
        carillon_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        // One, since each connection of a client needs one, and making it costs the server.
        SSL_CTX_set_num_tickets(context, 1)
        // OpenSSL would ask for a pass phrase on the terminal.
        SSL_CTX_set_default_passwd_cb(context, refusePassPhrase)
    }

    /// Loads PEM files: the chain, leaf first, and its key.
    func useFiles(certificate: String, key: String) throws(TLSError) {
        guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw .certificateUnreadable(path: certificate, reason: QueuedError.take().fileReason)
        }
        guard let file = BIO_new_file(key, "r") else {
            throw .keyUnreadable(path: key, reason: QueuedError.take().fileReason)
        }
        defer { BIO_free(file) }
        guard let loaded = PEM_read_bio_PrivateKey(file, nil, refusePassPhrase, nil) else {
            throw .keyUnreadable(path: key, reason: QueuedError.take().fileReason)
        }
        defer { EVP_PKEY_free(loaded) }
        guard X509_check_private_key(SSL_CTX_get0_certificate(context), loaded) == 1 else {
            ERR_clear_error()
            throw .keyMismatch(certificatePath: certificate, keyPath: key)
        }
        guard SSL_CTX_use_PrivateKey(context, loaded) == 1 else { throw .setup() }
    }

    func use(_ identity: borrowing TLSIdentity) throws(TLSError) {
        guard SSL_CTX_use_certificate(context, identity.certificate) == 1,
            SSL_CTX_use_PrivateKey(context, identity.key) == 1
        else { throw .setup() }
    }

    /// The server's own certificate.
    func certificate() throws(TLSError) -> TLSCertificate {
        guard let leaf = SSL_CTX_get0_certificate(context) else { throw .setup() }
        return try TLSCertificate(leaf)
    }

    /// Server: what is spoken here. `protocols` is kept by OpenSSL as it is and must outlive it.
    func select(_ protocols: UnsafeMutablePointer<ProtocolList>) {
        SSL_CTX_set_alpn_select_cb(context, selectProtocol, protocols)
    }

    /// Client: what is offered, copied.
    func offer(_ protocols: ProtocolList) throws(TLSError) {
        guard !protocols.wire.isEmpty else { return }
        // Unlike the rest, 0 is success.
        guard SSL_CTX_set_alpn_protos(context, protocols.wire, UInt32(protocols.wire.count)) == 0
        else { throw .setup() }
    }

    /// Client: whom to believe.
    func trust(_ trust: TLSTrust) throws(TLSError) {
        switch trust {
        case .insecure:
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
            return
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else { throw .setup() }
        case .file(let path):
            guard SSL_CTX_load_verify_file(context, path) == 1 else {
                throw .trustUnreadable(path: path, reason: QueuedError.take().fileReason)
            }
        case .certificate(let pem):
            try add(pem: pem)
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    private func add(pem: [UInt8]) throws(TLSError) {
        guard let memory = BIO_new_mem_buf(pem, Int32(pem.count)) else { throw .setup() }
        defer { BIO_free(memory) }
        guard let certificate = PEM_read_bio_X509(memory, nil, refusePassPhrase, nil) else {
            throw .setup()
        }
        defer { X509_free(certificate) }
        guard X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1 else {
            throw .setup()
        }
    }
}

/// The names of application protocols as ALPN carries them (RFC 7301 §3.1).
struct ProtocolList {
    /// Each name behind its length in one byte.
    let wire: [UInt8]

    /// - Parameter names: 1 to 255 ASCII bytes each.
    init(_ names: [String]) {
        var wire: [UInt8] = []
        for name in names {
            precondition((1...255).contains(name.utf8.count), "protocol name \"\(name)\"")
            wire.append(UInt8(name.utf8.count))
            wire.append(contentsOf: name.utf8)
        }
        self.wire = wire
    }
}

/// RFC 7301 §3.2: our first protocol that the client offers, or the alert
/// `no_application_protocol`. Called only for a client that offers any.
private func selectProtocol(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
    _ offeredCount: UInt32, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    let ours = argument!.assumingMemoryBound(to: ProtocolList.self)
    let theirs = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    let wire = ours.pointee.wire
    var at = 0
    while at < wire.count {
        let length = Int(wire[at])
        if let found = offset(of: wire[(at + 1)...].prefix(length), in: theirs) {
            // OpenSSL copies from the client's hello, which stands until we return.
            chosen!.pointee = offered! + found
            chosenCount!.pointee = UInt8(length)
            return SSL_TLSEXT_ERR_OK
        }
        at += 1 + length
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Where `name` stands in a list in wire form; OpenSSL has checked that its lengths fit.
private func offset(of name: ArraySlice<UInt8>, in list: UnsafeBufferPointer<UInt8>) -> Int? {
    var at = 0
    while at < list.count {
        let length = Int(list[at])
        let end = at + 1 + length
        guard end <= list.count else { return nil }
        if list[(at + 1)..<end].elementsEqual(name) { return at + 1 }
        at = end
    }
    return nil
}

private func refusePassPhrase(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ writing: Int32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 { -1 }
