import COpenSSL
import Glibc
import Testing

@testable import TLS

@Suite struct TLSContextTests {
    @Test(arguments: [
        (["http/1.1"], [String](), String?.none), (["http/1.1"], ["http/1.1"], "http/1.1"),
        (["http/1.1"], ["h2", "http/1.1"], "http/1.1"),
        (["http/1.1"], ["http/1.1", "h2"], "http/1.1"),
        (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"),
        (["h2", "http/1.1"], ["http/1.1"], "http/1.1"), ([], ["h2"], nil),
    ])
    func `the server's first protocol that the client offers is chosen`(
        ours: [String], theirs: [String], chosen: String?
    ) throws {
        let pair = try pair(ours, theirs)
        pair.exchange()
        #expect(pair.server.isOpen && pair.client.isOpen)
        #expect(pair.server.engine.negotiated?.alpn == chosen)
        #expect(pair.client.engine.negotiated?.alpn == chosen)
    }

    @Test(arguments: [["h2"], ["http/1.10"], ["http/1."], ["HTTP/1.1"], ["h2", "spdy/3"]])
    func `a client that offers only others is refused (RFC 7301 §3.2)`(theirs: [String]) throws {
        let pair = try pair(["http/1.1"], theirs)
        pair.exchange()
        #expect(pair.server.error == .noApplicationProtocol)
        guard case .alertReceived(let code, _) = pair.client.error else {
            Issue.record("\(pair.client.outcome)")
            return
        }
        #expect(code == 120)
    }

    @Test(arguments: ["localhost", "127.0.0.1", "::1"])
    func `the certificate made on the spot is for all three names of this machine`(
        host: String
    ) throws {
        let pair = try Pair(server: Shared.server, client: Shared.client, name: host)
        pair.exchange()
        #expect(pair.client.isOpen)
        let isName = host == "localhost"
        #expect(pair.server.engine.negotiated?.serverName == (isName ? host : nil))
    }

    @Test(arguments: ["example.org", "localhost.example.org", "127.0.0.2", "::2", "local"])
    func `another host is not believed`(host: String) throws {
        let pair = try Pair(server: Shared.server, client: Shared.client, name: host)
        pair.exchange()
        guard case .verificationFailed(let reason) = pair.client.error else {
            Issue.record("\(pair.client.outcome)")
            return
        }
        #expect(reason == "hostname mismatch" || reason == "IP address mismatch")
        guard case .alertReceived = pair.server.error else {
            Issue.record("\(pair.server.outcome)")
            return
        }
    }

    @Test func `a stranger's certificate is not believed, unless told to`() throws {
        let other = try TLSContext.selfSigned()
        let wary = try Pair(server: other, client: Shared.client)
        wary.exchange()
        guard case .verificationFailed = wary.client.error else {
            Issue.record("\(wary.client.outcome)")
            return
        }
        let system = try Pair(server: other, client: try .client(trust: .system))
        system.exchange()
        #expect(system.client.error != nil)
        let trusting = try Pair(
            server: other, client: try .client(trust: .insecure), name: "example.org")
        trusting.exchange()
        #expect(trusting.client.isOpen)
    }

    @Test(arguments: [
        (-7_200, 3_600, "certificate has expired"),
        (3_600, 3_600, "certificate is not yet valid"),
    ])
    func `a certificate is believed in its time only`(
        from: Int, seconds: Int, expected: String
    ) throws {
        let identity = try TLSIdentity.make(
            hosts: ["localhost"], validFrom: from, validSeconds: seconds)
        let server = try TLSContext(identity: identity)
        let client = try TLSContext.client(trust: .certificate(identity.certificatePEM()))
        let pair = try Pair(server: server, client: client)
        pair.exchange()
        #expect(pair.client.error == .verificationFailed(reason: expected))
    }

    @Test func `the certificate's own words are right`() throws {
        let certificate = try #require(Shared.server.certificate)
        let now = Int64(time(nil))
        #expect(certificate.notBefore < now)
        #expect((29 * 86_400...30 * 86_400).contains(certificate.notAfter - now))
        #expect(certificate.sha256.count == 32)
        #expect(certificate.fingerprint.utf8.count == 95)
        #expect(certificate.fingerprint.split(separator: ":").count == 32)
        #expect(certificate.pem.starts(with: "-----BEGIN CERTIFICATE-----\n".utf8))
        let another = try TLSContext.selfSigned()
        #expect(another.certificate?.sha256 != certificate.sha256)
        #expect(try TLSContext.client(trust: .insecure).certificate == nil)
    }

    @Test(arguments: ["", "a b", "localhost\0.example.org", "localhost,DNS:example.org", "é.org"])
    func `what is no host is refused`(host: String) throws {
        #expect(throws: TLSError.hostInvalid(host)) {
            try TLSContext.selfSigned(hosts: [host])
        }
        #expect(throws: TLSError.hostInvalid(host)) {
            try TLSEngine(
                context: Shared.client, loop: TLSLoop(), role: .client(serverName: host))
        }
    }

    private func pair(_ ours: [String], _ theirs: [String]) throws -> Pair {
        try Pair(
            server: try TLSContext.selfSigned(alpn: ours),
            client: try TLSContext.client(trust: .insecure, alpn: theirs))
    }
}
