// What the connections of one server, or of one client, have in common: certificate and policy.

private import COpenSSL

/// The end of a connection that a context serves.
package enum TLSSide: Sendable { case server, client }

/// The versions spoken, by their numbers on the wire (RFC 8446 §4.1.2).
package enum TLSVersion: UInt16, Sendable, Comparable, CaseIterable {
    case tls12 = 0x0303
    case tls13 = 0x0304

    package static func < (a: TLSVersion, b: TLSVersion) -> Bool { a.rawValue < b.rawValue }
}

/// Whose signature a client believes.
package enum TLSTrust: Sendable {
    /// The authorities that the system trusts.
    case system
    /// Those of a PEM file.
    case file(String)
    /// One certificate in PEM form, such as ``TLSCertificate/pem`` of a self-signed one.
    case certificate([UInt8])
    /// Anybody's. For trying things out.
    case insecure
}

/// One `SSL_CTX`, shared by all loops. Any thread.
///
/// To reload certificates, make another context and give it to new connections: an engine holds the
/// context that it was made from. With the context go the keys of its session tickets, so clients
/// of the old one shake hands in full once.
package final class TLSContext: @unchecked Sendable {
    // Unchecked: OpenSSL lets any number of threads make connections from one SSL_CTX as long as
    // nobody changes it (its reference count and ticket keys have their own locks). All changes
    // are made in init, before another thread can know of this object; everything here is `let`.
    let handle: OpaquePointer
    /// What the ALPN callback reads; its address is in the SSL_CTX.
    private let protocols: UnsafeMutablePointer<ProtocolList>

    package let side: TLSSide
    package let limits: TLSLimits
    /// The server's own certificate, the first of the chain; `nil` in a client's context.
    package let certificate: TLSCertificate?

    /// A server's context from PEM files.
    ///
    /// - Parameters:
    ///   - certificateFile: the chain, the server's own certificate first.
    ///   - keyFile: its private key, without a pass phrase.
    ///   - alpn: the protocols spoken, best first; a client that offers none of them is refused,
    ///     one that offers nothing at all is not.
    package convenience init(
        certificateFile: String, keyFile: String, alpn: [String] = ["http/1.1"],
        versions: ClosedRange<TLSVersion> = .tls12 ... .tls13, limits: TLSLimits = TLSLimits()
    ) throws(TLSError) {
        let setup = try ContextSetup.make(.server, versions: versions)
        try setup.useFiles(certificate: certificateFile, key: keyFile)
        try self.init(server: setup, alpn: alpn, limits: limits)
    }

    /// A server's context from a certificate made in memory.
    package convenience init(
        identity: borrowing TLSIdentity, alpn: [String] = ["http/1.1"],
        versions: ClosedRange<TLSVersion> = .tls12 ... .tls13, limits: TLSLimits = TLSLimits()
    ) throws(TLSError) {
        let setup = try ContextSetup.make(.server, versions: versions)
        try setup.use(identity)
        try self.init(server: setup, alpn: alpn, limits: limits)
    }

    /// A server's context with a certificate made on the spot: P-256, valid for 30 days, and never
    /// on disk. For development.
    package static func selfSigned(
        hosts: [String] = ["localhost", "127.0.0.1", "::1"], alpn: [String] = ["http/1.1"]
    ) throws(TLSError) -> TLSContext {
        let identity = try TLSIdentity.make(hosts: hosts)
        return try TLSContext(identity: identity, alpn: alpn)
    }

    /// A client's context.
    ///
    /// - Parameter alpn: the protocols to offer, best first; none by default.
    package static func client(
        trust: TLSTrust = .system, alpn: [String] = [],
        versions: ClosedRange<TLSVersion> = .tls12 ... .tls13, limits: TLSLimits = TLSLimits()
    ) throws(TLSError) -> TLSContext {
        let setup = try ContextSetup.make(.client, versions: versions)
        try setup.trust(trust)
        try setup.offer(ProtocolList(alpn))
        return TLSContext(client: setup, limits: limits)
    }

    private init(
        server setup: consuming ContextSetup, alpn: [String], limits: TLSLimits
    ) throws(TLSError) {
        // First what can throw: a deinit does not run for half an object.
        certificate = try setup.certificate()
        side = .server
        self.limits = limits
        protocols = .allocate(capacity: 1)
        protocols.initialize(to: ProtocolList(alpn))
        if !alpn.isEmpty { setup.select(protocols) }
        handle = setup.release()
    }

    private init(client setup: consuming ContextSetup, limits: TLSLimits) {
        side = .client
        self.limits = limits
        protocols = .allocate(capacity: 1)
        protocols.initialize(to: ProtocolList([]))
        handle = setup.release()
        certificate = nil
    }

    deinit {
        // Every engine holds this object, so no callback can come after this.
        SSL_CTX_free(handle)
        protocols.deinitialize(count: 1)
        protocols.deallocate()
    }
}
