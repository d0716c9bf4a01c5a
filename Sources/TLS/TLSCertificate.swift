// What there is to say about a certificate: to the operator at start, and to whoever pins it.

private import COpenSSL
private import Glibc

/// A certificate in use, copied out of OpenSSL.
package struct TLSCertificate: Sendable, Equatable {
    /// One PEM block, ASCII.
    package let pem: [UInt8]
    /// SHA-256 of the DER form, 32 bytes.
    package let sha256: [UInt8]
    /// Validity, in seconds since 1970.
    package let notBefore: Int64
    package let notAfter: Int64

    /// ``sha256`` as browsers show it: `AB:01:…`, 95 characters.
    package var fingerprint: String {
        sha256.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return byte < 16 ? "0" + digits : digits
        }.joined(separator: ":")
    }

    /// - Parameter certificate: an `X509`, not kept.
    init(_ certificate: OpaquePointer) throws(TLSError) {
        pem = try pemBytes { PEM_write_bio_X509($0, certificate) }
        var digest = [UInt8](repeating: 0, count: 32)
        var written: UInt32 = 0
        guard X509_digest(certificate, EVP_sha256(), &digest, &written) == 1, written == 32
        else { throw .setup() }
        sha256 = digest
        notBefore = seconds(X509_get0_notBefore(certificate))
        notAfter = seconds(X509_get0_notAfter(certificate))
    }
}

/// What `write` puts into a memory BIO.
func pemBytes(_ write: (OpaquePointer) -> Int32) throws(TLSError) -> [UInt8] {
    guard let memory = BIO_new(BIO_s_mem()) else { throw .setup() }
    defer { BIO_free(memory) }
    guard write(memory) == 1 else { throw .setup() }
    var start: UnsafeMutablePointer<CChar>?
    let count = carillon_BIO_get_mem_data(memory, &start)
    return Array(UnsafeRawBufferPointer(start: start, count: count))
}

private func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
    var broken = tm()
    guard ASN1_TIME_to_tm(time, &broken) == 1 else { return 0 }
    return Int64(timegm(&broken))
}
