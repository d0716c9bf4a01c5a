import Bytes
import COpenSSL
import Testing

@testable import TLS

/// Key updates (RFC 8446 §4.6.3) and what TLS 1.2 had in their place.
@Suite struct TLSEngineRenewalTests {
    @Test func `a key is renewed after so many bytes, and the peer follows`() throws {
        var limits = TLSLimits()
        limits.bytesSentPerKeyMax = 10_000
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let pair = try Pair(
            server: try TLSContext(identity: identity, limits: limits),
            client: try TLSContext.client(trust: .insecure, limits: limits))
        pair.exchange()
        let before = pair.server.sealed(pattern(10_000))
        #expect(recordLengths(before).count == 1)
        let behind = pair.server.sealed([1])
        #expect(recordLengths(behind) == [22, 18])
        pair.client.receive(before + behind)
        #expect(pair.client.takePlaintext() == pattern(10_000) + [1])
        for round in 0..<20 {
            pair.server.send(pattern(9_000, seed: UInt64(round)))
            pair.client.send(pattern(9_000, seed: UInt64(round)))
            pair.exchange()
            #expect(pair.server.takePlaintext() == pattern(9_000, seed: UInt64(round)))
            #expect(pair.client.takePlaintext() == pattern(9_000, seed: UInt64(round)))
        }
    }

    /// One that wants an answer counts twice, its answer sooner or later.
    @Test(
        arguments: [(SSL_KEY_UPDATE_NOT_REQUESTED, 32), (SSL_KEY_UPDATE_REQUESTED, 16)],
        [1, 65_536])
    func `so many key updates are borne, more are a flood`(kind: (Int32, Int), chunk: Int)
        throws
    {
        let (request, borne) = kind
        let pair = try Shared.pair(.tls13)
        var count = 0
        while pair.server.error == nil, count < 100 {
            SSL_key_update(pair.client.engine.ssl, request)
            // The update alone, then the data: so each is the last thing in its input.
            let bytes = pair.client.sealed([UInt8(count)])
            pair.client.sending = Array(bytes.prefix(27))
            pair.deliver(from: pair.client, to: pair.server, chunk: chunk)
            pair.client.sending = Array(bytes.dropFirst(27))
            pair.deliver(from: pair.client, to: pair.server, chunk: chunk)
            count += 1
        }
        #expect(pair.server.error == .postHandshakeFlood)
        #expect(count == borne + 1)
        #expect(pair.server.takePlaintext() == (0..<borne).map { UInt8($0) })
    }

    @Test func `a flood in one read is stopped in its midst`() throws {
        let pair = try Shared.pair(.tls13)
        for _ in 0..<300 {
            SSL_key_update(pair.client.engine.ssl, SSL_KEY_UPDATE_REQUESTED)
            pair.client.send([1])
        }
        pair.deliver(from: pair.client, to: pair.server)
        #expect(pair.server.error == .postHandshakeFlood)
        #expect(pair.server.takePlaintext().count == 16)
        #expect(pair.server.sending.count == 16 * 27)
    }

    @Test func `data earns more key updates`() throws {
        let pair = try Shared.pair(.tls13)
        for _ in 0..<100 {
            SSL_key_update(pair.client.engine.ssl, SSL_KEY_UPDATE_NOT_REQUESTED)
            pair.client.send(pattern(65_536))
            pair.exchange()
            pair.server.plaintext.removeAll()
        }
        #expect(pair.server.isOpen)
    }

    @Test func `a renegotiation is refused, and the connection goes on`() throws {
        let pair = try Shared.pair(.tls12)
        let attempt = renegotiation(pair.client)
        pair.server.receive(attempt)
        #expect(pair.server.isOpen)
        // One encrypted warning: no_renegotiation (RFC 5746 §5).
        #expect(recordLengths(pair.server.takeSending()) == [26])
    }

    /// By the server, since OpenSSL's client starts no second one while it waits for an answer.
    @Test(arguments: [1, 65_536])
    func `32 renegotiation attempts are borne, one more is a flood`(chunk: Int) throws {
        let pair = try Shared.pair(.tls12)
        for _ in 0..<32 { pair.server.sending += renegotiation(pair.server) }
        pair.deliver(from: pair.server, to: pair.client, chunk: chunk)
        #expect(pair.client.isOpen)
        pair.server.sending = renegotiation(pair.server)
        pair.deliver(from: pair.server, to: pair.client, chunk: chunk)
        #expect(pair.client.error == .postHandshakeFlood)
    }

    private func renegotiation(_ end: End) -> [UInt8] {
        SSL_clear_options(end.engine.ssl, carillon_SSL_OP_NO_RENEGOTIATION)
        SSL_renegotiate(end.engine.ssl)
        SSL_do_handshake(end.engine.ssl)
        ERR_clear_error()
        end.collect()
        return end.takeSending()
    }
}
