import Bytes
import COpenSSL
import Testing

@testable import TLS

/// Alerts of RFC 8446 §6 that stand in these tests.
private enum Alert {
    static let unexpectedMessage: UInt8 = 10
    static let badRecordMAC: UInt8 = 20
    static let recordOverflow: UInt8 = 22
    static let decodeError: UInt8 = 50
    static let protocolVersion: UInt8 = 70
}

/// A full record's worth, to complete one whose length was forged.
private let filler = [UInt8](repeating: 7, count: 16_384)

@Suite struct TLSEngineRefusalTests {
    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "POST /x HTTP/1.1\r\n", "PUT /x HTTP/1.1\r\n",
        "HEAD / HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "DELETE /x HTTP/1.1\r\n",
        "PATCH /x HTTP/1.1\r\n", "CONNECT localhost:443 HTTP/1.1\r\n",
    ])
    func `plain HTTP is told as such, and answered with nothing`(request: String) throws {
        let end = try server()
        end.receive(request.utf8)
        #expect(end.error == .plainHTTP)
        #expect(end.sending.isEmpty)
    }

    @Test(arguments: [
        "SSH-2.0-client\r\n", "get / http/1.1\r\n", "\0\0\0\0\0\0\0\0", "HELLOWORLD AGAIN\r\n",
    ])
    func `what is no TLS is told as such, and answered with nothing`(text: String) throws {
        let end = try server()
        end.receive(text.utf8)
        #expect(end.error == .notTLS)
        #expect(end.sending.isEmpty)
    }

    @Test(arguments: [
        ([22, 3, 1, 0, 100] + [UInt8](repeating: 0xee, count: 100), Alert.unexpectedMessage),
        (
            [22, 3, 1, 0, 100, 1, 0, 0, 96] + [UInt8](repeating: 0xee, count: 96),
            Alert.decodeError
        ),
        ([23, 3, 3, 0, 4, 1, 2, 3, 4], Alert.unexpectedMessage),
        ([22, 3, 1, 0xff, 0xff, 1, 2, 3], Alert.recordOverflow),
    ])
    func `records of nonsense are answered with their alert`(bytes: [UInt8], alert: UInt8) throws {
        for chunk in 1...bytes.count {
            let end = try server()
            var at = 0
            while at < bytes.count, end.error == nil {
                end.receive(bytes[at..<min(at + chunk, bytes.count)])
                at += chunk
            }
            guard case .handshakeFailed = end.error else {
                Issue.record("\(end.outcome) with \(chunk) bytes a call")
                continue
            }
            #expect(end.sending.suffix(7) == [21, 3, 3, 0, 2, 2, alert])
        }
    }

    @Test func `random bytes never get through, whatever they are`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed: seed)
        for _ in 0..<500 {
            let end = try server()
            // Half of them with a proper record header, which leads further in.
            var bytes = pattern(Int.random(in: 1...600, using: &random), seed: random.next())
            if Bool.random(using: &random) {
                let header = [22, 3, 1, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)]
                bytes = header + bytes
            }
            end.receive(bytes)
            #expect(!end.engine.isHandshakeDone, "seed \(seed)")
            #expect(end.plaintext.isEmpty, "seed \(seed)")
        }
    }

    @Test func `TLS 1.1 is refused`() throws {
        let old = try TLSContext.client(trust: .insecure)
        SSL_CTX_set_security_level(old.handle, 0)
        _ = carillon_SSL_CTX_set_min_proto_version(old.handle, TLS1_1_VERSION)
        _ = carillon_SSL_CTX_set_max_proto_version(old.handle, TLS1_1_VERSION)
        _ = SSL_CTX_set_cipher_list(old.handle, "ALL:@SECLEVEL=0")
        let pair = try Pair(server: Shared.server, client: old)
        pair.exchange()
        guard case .handshakeFailed = pair.server.error else {
            Issue.record("\(pair.server.outcome)")
            return
        }
        let alert = pair.client.error
        #expect(alert == .alertReceived(code: Alert.protocolVersion, meaning: "protocol version"))
    }

    @Test func `a cipher without forward secrecy is refused`() throws {
        let weak = try TLSContext.client(trust: .insecure, versions: .tls12 ... .tls12)
        _ = SSL_CTX_set_cipher_list(weak.handle, "AES128-SHA:AES128-GCM-SHA256")
        let pair = try Pair(server: Shared.server, client: weak)
        pair.exchange()
        #expect(pair.server.error == .handshakeFailed(reason: "no shared cipher"))
    }

    @Test(arguments: [(1_000, true), (100, false)])
    func `a handshake has so many bytes to be done in`(bytesMax: Int, passes: Bool) throws {
        var limits = TLSLimits()
        limits.handshakeBytesMax = bytesMax
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let context = try TLSContext(identity: identity, limits: limits)
        let pair = try Pair(server: context, client: try .client(trust: .insecure))
        pair.exchange(chunk: 50)
        #expect(pair.server.isOpen == passes)
        if !passes { #expect(pair.server.error == .handshakeTooLong(bytesMax: bytesMax)) }
    }

    @Test(arguments: TLSVersion.allCases)
    func `any bit flipped in a record is found out`(version: TLSVersion) throws {
        let message = pattern(50)
        let length = try Shared.pair(version).client.sealed(message).count
        for bit in 0..<(length * 8) {
            let pair = try Shared.pair(version)
            var bytes = pair.client.sealed(message)
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            // A longer length waits for more: what follows is a whole full record.
            bytes += pair.client.sealed(filler) + pair.client.sealed(filler)
            pair.server.receive(bytes)
            guard pair.server.error != nil else {
                Issue.record("bit \(bit): \(pair.server.outcome)")
                continue
            }
            #expect(pair.server.plaintext.isEmpty, "bit \(bit)")
            // The alert gets to the client, which ends too.
            pair.deliver(from: pair.server, to: pair.client)
            #expect(pair.client.error != nil, "bit \(bit)")
        }
    }

    @Test(arguments: TLSVersion.allCases)
    func `a forged record is answered with bad_record_mac`(version: TLSVersion) throws {
        let pair = try Shared.pair(version)
        var bytes = pair.client.sealed(pattern(50))
        bytes[bytes.count - 1] ^= 1
        pair.server.receive(bytes)
        guard case .recordRefused(let reason) = pair.server.error else {
            Issue.record("\(pair.server.outcome)")
            return
        }
        #expect(reason == "decryption failed or bad record mac")
        pair.deliver(from: pair.server, to: pair.client)
        let meaning = "bad record mac"
        #expect(pair.client.error == .alertReceived(code: Alert.badRecordMAC, meaning: meaning))
    }

    @Test(arguments: TLSVersion.allCases)
    func `a record without its end waits, and fails with the next one`(version: TLSVersion) throws {
        let length = try Shared.pair(version).client.sealed(pattern(30)).count
        for missing in 1..<length {
            let pair = try Shared.pair(version)
            pair.server.receive(pair.client.sealed(pattern(30)).dropLast(missing))
            #expect(pair.server.isOpen)
            #expect(pair.server.plaintext.isEmpty)
            pair.server.receive(pair.client.sealed(filler))
            #expect(pair.server.error != nil, "\(missing) bytes missing")
            #expect(pair.server.plaintext.isEmpty)
        }
    }

    @Test(arguments: TLSVersion.allCases)
    func `a record twice, or out of order, is refused`(version: TLSVersion) throws {
        let twice = try Shared.pair(version)
        let record = twice.client.sealed([1])
        twice.server.receive(record + record)
        #expect(twice.server.error != nil)
        #expect(twice.server.takePlaintext() == [1])

        let swapped = try Shared.pair(version)
        let first = swapped.client.sealed([1])
        swapped.server.receive(swapped.client.sealed([2]) + first)
        #expect(swapped.server.error != nil)
        #expect(swapped.server.plaintext.isEmpty)
    }

    @Test func `an engine that failed takes nothing more and stays failed`() throws {
        let end = try server()
        end.receive([UInt8](repeating: 0, count: 20))
        end.receive([1, 2, 3])
        #expect(end.error == .failedBefore)
        end.startClose()
        #expect(end.sending.isEmpty)
    }

    @Test func `a failure leaves nothing in OpenSSL's error queue`() throws {
        let end = try server()
        end.receive([22, 3, 1, 0xff, 0xff, 1, 2, 3])
        #expect(ERR_peek_error() == 0)
    }

    @Test(arguments: TLSVersion.allCases)
    func `somebody else's entry in the error queue does not matter`(version: TLSVersion) throws {
        func leaveEntry() { _ = BIO_new_file("/nonexistent/file", "r") }
        defer { ERR_clear_error() }
        let pair = try Pair(server: Shared.server, client: Shared.client(version))
        for round in 0..<2 {
            while !pair.client.sending.isEmpty || !pair.server.sending.isEmpty {
                pair.client.receiveAll(from: pair.server, chunk: 10, before: leaveEntry)
                pair.server.receiveAll(from: pair.client, chunk: 10, before: leaveEntry)
            }
            #expect(pair.server.isOpen && pair.client.isOpen)
            if round == 0 { pair.client.send(pattern(100)) }
        }
        #expect(pair.server.takePlaintext() == pattern(100))
    }

    private func server() throws -> End {
        let loop = TLSLoop()
        return End(try TLSEngine(context: Shared.server, loop: loop, role: .server), loop)
    }
}

extension End {
    fileprivate func receiveAll(from other: End, chunk: Int, before: () -> Void) {
        while !other.sending.isEmpty {
            before()
            receive(other.takeSending(chunk))
        }
    }

    /// The records that `bytes` become, not delivered.
    func sealed(_ bytes: [UInt8]) -> [UInt8] {
        send(bytes)
        return takeSending()
    }
}
