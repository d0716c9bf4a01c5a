import Bytes
import Testing

@testable import TLS

@Suite struct TLSEngineTests {
    @Test(arguments: TLSVersion.allCases)
    func `a handshake is done when fed any number of bytes at a time`(version: TLSVersion) throws {
        for chunk in Array(1...200) + [255, 256, 511, 700, 1_000, 1_400, 65_536] {
            let pair = try Pair(server: Shared.server, client: Shared.client(version))
            pair.exchange(chunk: chunk)
            try #require(pair.client.isOpen, "\(chunk) bytes a call")
            try #require(pair.server.isOpen, "\(chunk) bytes a call")
            #expect(pair.server.engine.negotiated?.version == version)
            #expect(pair.server.plaintext.isEmpty)
        }
    }

    @Test(arguments: TLSVersion.allCases)
    func `both ends agree on what was negotiated`(version: TLSVersion) throws {
        let pair = try Shared.pair(version)
        let server = try #require(pair.server.engine.negotiated)
        #expect(server == pair.client.engine.negotiated)
        #expect(server.alpn == "http/1.1")
        #expect(server.serverName == "localhost")
        #expect(!server.isResumed)
        switch version {
        case .tls12: #expect(server.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256")
        case .tls13: #expect(server.cipher == "TLS_AES_128_GCM_SHA256")
        }
    }

    @Test func `nothing is negotiated before the handshake is done`() throws {
        let pair = try Pair(server: Shared.server, client: Shared.client)
        #expect(pair.client.engine.negotiated == nil)
        #expect(!pair.client.engine.isHandshakeDone)
        #expect(pair.client.engine.session() == nil)
    }

    @Test(
        arguments: TLSVersion.allCases,
        [
            1, 2, 127, 128, 1_024, 16_383, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537, 100_000,
            1 << 20,
        ])
    func `data of any size arrives both ways`(version: TLSVersion, count: Int) throws {
        let pair = try Shared.pair(version)
        let up = pattern(count, seed: 1)
        let down = pattern(count, seed: 2)
        pair.client.send(up)
        pair.server.send(down)
        pair.exchange()
        let same = pair.server.takePlaintext() == up && pair.client.takePlaintext() == down
        #expect(same)
        #expect(pair.client.isOpen && pair.server.isOpen)
    }

    @Test(arguments: TLSVersion.allCases, [1, 2, 3, 5, 7, 21, 22, 100, 1_460, 16_406, 40_000])
    func `data arrives whatever the split`(version: TLSVersion, chunk: Int) throws {
        let pair = try Shared.pair(version)
        let sizes = [1, 20_000, 3, 128, 16_384, 1, 1]
        for (index, size) in sizes.enumerated() {
            pair.client.send(pattern(size, seed: UInt64(index)))
        }
        pair.exchange(chunk: chunk)
        let expected = sizes.enumerated().flatMap { pattern($1, seed: UInt64($0)) }
        let same = pair.server.takePlaintext() == expected
        #expect(same)
    }

    @Test(arguments: [(1, 1), (16_384, 1), (16_385, 2), (65_536, 4), (65_537, 5)])
    func `a run takes one record for each 16 KiB`(count: Int, records: Int) throws {
        let pair = try Shared.pair(.tls13)
        pair.server.send(pattern(count))
        #expect(recordLengths(pair.server.sending).count == records)
    }

    @Test func `data right behind the client's last handshake bytes is not lost`() throws {
        let pair = try Pair(server: Shared.server, client: Shared.client)
        pair.deliver(from: pair.client, to: pair.server)
        pair.deliver(from: pair.server, to: pair.client)
        pair.client.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        pair.deliver(from: pair.client, to: pair.server)
        #expect(pair.server.isOpen)
        #expect(pair.server.takePlaintext() == Array("GET / HTTP/1.1\r\n\r\n".utf8))
    }

    @Test func `sending nothing writes nothing`() throws {
        let pair = try Shared.pair(.tls13)
        pair.server.send([])
        #expect(pair.server.sending.isEmpty)
    }

    @Test func `nothing can be sent before the handshake is done`() async {
        await #expect(processExitsWith: .failure) {
            let pair = try Pair(server: Shared.server, client: Shared.client)
            pair.server.send([1])
        }
    }

    @Test(arguments: TLSVersion.allCases)
    func `a client that comes again with its ticket resumes`(version: TLSVersion) throws {
        let first = try Shared.pair(version)
        #expect(first.client.engine.negotiated?.isResumed == false)
        let session = try #require(first.client.engine.session())
        let second = try Pair(
            server: Shared.server, client: Shared.client(version), resuming: session)
        second.exchange()
        #expect(second.server.engine.negotiated?.isResumed == true)
        #expect(second.client.engine.negotiated?.isResumed == true)
        #expect(second.server.isOpen)
    }

    @Test func `a new context does not resume the old one's sessions, but serves the client`()
        throws
    {
        let first = try Shared.pair(.tls13)
        let session = try #require(first.client.engine.session())
        let reloaded = try TLSContext.selfSigned()
        let insecure = try TLSContext.client(trust: .insecure)
        let second = try Pair(server: reloaded, client: insecure, resuming: session)
        second.exchange()
        #expect(second.server.isOpen)
        #expect(second.server.engine.negotiated?.isResumed == false)
    }

    @Test func `an engine keeps its context alive`() throws {
        var context: TLSContext? = try TLSContext.selfSigned()
        let insecure = try TLSContext.client(trust: .insecure, alpn: ["http/1.1"])
        let pair = try Pair(server: context!, client: insecure)
        weak let watched = context
        context = nil
        pair.exchange()
        #expect(pair.server.engine.negotiated?.alpn == "http/1.1")
        #expect(watched != nil)
    }
}

/// The lengths in the record headers (RFC 8446 §5.1).
func recordLengths(_ bytes: [UInt8]) -> [Int] {
    var lengths: [Int] = []
    var at = 0
    while at + 5 <= bytes.count {
        let length = Int(bytes[at + 3]) << 8 | Int(bytes[at + 4])
        lengths.append(length)
        at += 5 + length
    }
    precondition(at == bytes.count, "part of a record")
    return lengths
}
