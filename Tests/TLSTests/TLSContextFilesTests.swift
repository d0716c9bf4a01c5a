import COpenSSL
import Glibc
import Testing

@testable import TLS

@Suite struct TLSContextFilesTests {
    @Test func `a certificate and its key are loaded from files, and trusted from one`() throws {
        let folder = Folder()
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let certificate = folder.write("certificate.pem", try identity.certificatePEM())
        let key = folder.write("key.pem", try identity.keyPEM())
        let server = try TLSContext(certificateFile: certificate, keyFile: key)
        let client = try TLSContext.client(trust: .file(certificate))
        let pair = try Pair(server: server, client: client)
        pair.exchange()
        #expect(pair.client.isOpen)
        #expect(server.certificate?.pem == (try identity.certificatePEM()))
    }

    @Test func `the further certificates of the file are sent along`() throws {
        let folder = Folder()
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let other = try TLSIdentity.make(hosts: ["example.org"])
        let chain = try identity.certificatePEM() + other.certificatePEM()
        let server = try TLSContext(
            certificateFile: folder.write("chain.pem", chain),
            keyFile: folder.write("key.pem", try identity.keyPEM()))
        let pair = try Pair(server: server, client: try .client(trust: .insecure))
        pair.exchange()
        #expect(pair.client.isOpen)
        #expect(OPENSSL_sk_num(SSL_get_peer_cert_chain(pair.client.engine.ssl)) == 2)
    }

    @Test func `a missing file is named, with the system's reason`() throws {
        let folder = Folder()
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let certificate = folder.write("certificate.pem", try identity.certificatePEM())
        let missing = folder.path + "/missing.pem"
        let reason = "No such file or directory"
        #expect(throws: TLSError.certificateUnreadable(path: missing, reason: reason)) {
            try TLSContext(certificateFile: missing, keyFile: missing)
        }
        #expect(throws: TLSError.keyUnreadable(path: missing, reason: reason)) {
            try TLSContext(certificateFile: certificate, keyFile: missing)
        }
        #expect(throws: TLSError.trustUnreadable(path: missing, reason: reason)) {
            try TLSContext.client(trust: .file(missing))
        }
        let text = TLSError.keyUnreadable(path: missing, reason: reason).description
        #expect(text == "cannot use the private key file \(missing): No such file or directory")
        #expect(ERR_peek_error() == 0)
    }

    @Test func `a file of something else is refused in words`() throws {
        let folder = Folder()
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let certificate = folder.write("certificate.pem", try identity.certificatePEM())
        let key = folder.write("key.pem", try identity.keyPEM())
        let empty = folder.write("empty.pem", [])
        let reason = "it holds nothing of that kind in PEM form"
        for wrong in [empty, key] {
            #expect(throws: TLSError.certificateUnreadable(path: wrong, reason: reason)) {
                try TLSContext(certificateFile: wrong, keyFile: key)
            }
        }
        for wrong in [empty, certificate] {
            #expect(throws: TLSError.keyUnreadable(path: wrong, reason: reason)) {
                try TLSContext(certificateFile: certificate, keyFile: wrong)
            }
        }
    }

    @Test func `a certificate that was cut off is refused`() throws {
        let folder = Folder()
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let pem = try identity.certificatePEM()
        let key = folder.write("key.pem", try identity.keyPEM())
        for count in [30, 100, pem.count / 2, pem.count - 30] {
            let cut = folder.write("cut.pem", Array(pem.prefix(count)))
            let error = #expect(throws: TLSError.self) {
                try TLSContext(certificateFile: cut, keyFile: key)
            }
            guard case .certificateUnreadable(cut, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test func `a key with a pass phrase is refused, and nobody is asked for it`() throws {
        let folder = Folder()
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let certificate = folder.write("certificate.pem", try identity.certificatePEM())
        let key = identity.key
        let protected = try pemBytes {
            PEM_write_bio_PrivateKey($0, key, EVP_aes_256_cbc(), "secret", 6, nil, nil)
        }
        let path = folder.write("key.pem", protected)
        let reason = "it is protected by a pass phrase"
        #expect(throws: TLSError.keyUnreadable(path: path, reason: reason)) {
            try TLSContext(certificateFile: certificate, keyFile: path)
        }
    }

    @Test func `a key that belongs to another certificate is refused`() throws {
        let folder = Folder()
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let other = try TLSIdentity.make(hosts: ["localhost"])
        let certificate = folder.write("certificate.pem", try identity.certificatePEM())
        let key = folder.write("key.pem", try other.keyPEM())
        let expected = TLSError.keyMismatch(certificatePath: certificate, keyPath: key)
        #expect(throws: expected) {
            try TLSContext(certificateFile: certificate, keyFile: key)
        }
        #expect(ERR_peek_error() == 0)
    }
}

/// A folder of its own, gone with the object.
private final class Folder {
    let path: String
    private var names: [String] = []

    init() {
        var template = Array("/tmp/carillon-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("mkdtemp: \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unlink(name) }
        rmdir(path)
    }

    /// Writes a file and gives its path.
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        let full = path + "/" + name
        guard let file = fopen(full, "w") else { fatalError("fopen: \(errno)") }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        names.append(full)
        return full
    }
}
