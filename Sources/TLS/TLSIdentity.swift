// A certificate made on the spot, signed by its own key: for development and for tests. Nothing
// here writes to disk.

private import COpenSSL

/// A certificate and its private key (ECDSA, P-256).
package struct TLSIdentity: ~Copyable {
    /// `X509` and `EVP_PKEY`; owned.
    let certificate: OpaquePointer
    let key: OpaquePointer

    /// Makes a key, and a certificate for `hosts`.
    ///
    /// - Parameters:
    ///   - hosts: DNS names and IP addresses, 1 to 100; the first is also the subject.
    ///   - validFrom: seconds from now, negative for the past.
    ///   - validSeconds: how long it is valid from then on.
    package static func make(
        hosts: [String], validFrom: Int = -3_600, validSeconds: Int = 30 * 86_400
    ) throws(TLSError) -> TLSIdentity {
        precondition(!hosts.isEmpty && hosts.count <= 100, "\(hosts.count) hosts")
        for host in hosts where !isHost(host) { throw .hostInvalid(host) }
        guard let key = carillon_EVP_EC_gen("P-256") else { throw .setup() }
        guard let certificate = X509_new() else {
            EVP_PKEY_free(key)
            throw .setup()
        }
        let identity = TLSIdentity(certificate: certificate, key: key)
        try fill(certificate, hosts: hosts, from: validFrom, to: validFrom + validSeconds, key: key)
        return identity
    }

    private init(certificate: OpaquePointer, key: OpaquePointer) {
        self.certificate = certificate
        self.key = key
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    package func certificatePEM() throws(TLSError) -> [UInt8] {
        let certificate = certificate
        return try pemBytes { PEM_write_bio_X509($0, certificate) }
    }

    /// The private key, unprotected: for tests, which need a file to load.
    package func keyPEM() throws(TLSError) -> [UInt8] {
        let key = key
        return try pemBytes { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }
}

/// Whether a certificate can carry it: ASCII letters, digits, `-._:`, or a leading `*`, 1 to 253
/// bytes. No zero byte gets past here, at which C would cut the name off.
func isHost(_ host: String) -> Bool {
    let bytes = host.utf8
    guard !bytes.isEmpty, bytes.count <= 253 else { return false }
    return bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "*"):
            true
        default: false
        }
    }
}

private func fill(
    _ certificate: OpaquePointer, hosts: [String], from: Int, to: Int, key: OpaquePointer
) throws(TLSError) {
    // A random serial of 126 bits: browsers refuse two certificates of one issuer and serial.
    guard let serial = BN_new() else { throw .setup() }
    defer { BN_free(serial) }
    guard X509_set_version(certificate, Int(X509_VERSION_3)) == 1,
        BN_rand(serial, 126, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1,
        BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != nil,
        X509_gmtime_adj(X509_getm_notBefore(certificate), from) != nil,
        X509_gmtime_adj(X509_getm_notAfter(certificate), to) != nil,
        X509_set_pubkey(certificate, key) == 1,
        let name = X509_get_subject_name(certificate),
        addToName(name, "O", "Carillon development certificate"),
        addToName(name, "CN", hosts[0]),
        X509_set_issuer_name(certificate, name) == 1,
        // Not an authority: who trusts this certificate trusts it for these hosts and no more.
        addExtension(certificate, NID_basic_constraints, "critical,CA:FALSE"),
        addExtension(certificate, NID_key_usage, "critical,digitalSignature"),
        addExtension(certificate, NID_ext_key_usage, "serverAuth"),
        addExtension(certificate, NID_subject_key_identifier, "hash"),
        addAlternativeNames(certificate, hosts),
        X509_sign(certificate, key, EVP_sha256()) > 0
    else { throw .setup() }
}

private func addToName(_ name: OpaquePointer, _ field: String, _ value: String) -> Bool {
    // A common name has 64 characters at most (X.520); the alternative names carry the whole.
    let value = Array(value.utf8.prefix(64))
    return X509_NAME_add_entry_by_txt(
        name, field, MBSTRING_UTF8, value, Int32(value.count), -1, 0) == 1
}

private func addExtension(_ certificate: OpaquePointer, _ kind: Int32, _ value: String) -> Bool {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, certificate, certificate, nil, nil, 0)
    guard let made = X509V3_EXT_nconf_nid(nil, &context, kind, value) else { return false }
    defer { X509_EXTENSION_free(made) }
    return X509_add_ext(certificate, made, -1) == 1
}

/// Built from values and not from OpenSSL's configuration text, in which a host could add others.
private func addAlternativeNames(_ certificate: OpaquePointer, _ hosts: [String]) -> Bool {
    guard let names = carillon_GENERAL_NAMES_new() else { return false }
    defer { GENERAL_NAMES_free(names) }
    for host in hosts {
        guard let name = alternativeName(host) else { return false }
        guard carillon_GENERAL_NAMES_push(names, name) > 0 else {
            GENERAL_NAME_free(name)
            return false
        }
    }
    return X509_add1_ext_i2d(
        certificate, NID_subject_alt_name, UnsafeMutableRawPointer(names), 0,
        UInt(X509V3_ADD_DEFAULT)) == 1
}

private func alternativeName(_ host: String) -> UnsafeMutablePointer<GENERAL_NAME>? {
    guard let name = GENERAL_NAME_new() else { return nil }
    if let address = a2i_IPADDRESS(host) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address)
        return name
    }
    // What is no address leaves an entry in the queue.
    ERR_clear_error()
    guard let text = ASN1_IA5STRING_new() else { return nil }
    ASN1_STRING_set(text, host, Int32(host.utf8.count))
    GENERAL_NAME_set0_value(name, GEN_DNS, text)
    return name
}
