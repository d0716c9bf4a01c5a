import Testing

@testable import Loops

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", UInt16(80), "127.0.0.1:80"), ("::1", 65535, "[::1]:65535"),
    ])
    func `a numeric host has one address`(host: String, port: UInt16, text: String) throws {
        let found = try SocketAddress.resolve(host: host, port: port)
        #expect(found.map(\.text) == [text])
        #expect(found.map(\.port) == [port])
    }

    @Test func `the address without its port has its first byte highest`() throws {
        func host(_ text: String) throws -> PeerHost? {
            try SocketAddress.resolve(host: text, port: 80).first?.host
        }
        #expect(try host("127.0.0.1") == .ipv4(0x7F00_0001))
        #expect(try host("::1") == .ipv6(0, 1))
        #expect(
            try host("2001:db8::a:0:0:1") == .ipv6(0x2001_0DB8_0000_0000, 0x000A_0000_0000_0001))
        #expect(try host("::ffff:10.1.2.3") == .ipv6(0, 0x0000_FFFF_0A01_0203))
        #expect(try SocketAddress(path: "/a").host == nil)
    }

    @Test func `no host means every interface`() throws {
        let texts = try SocketAddress.resolve(host: "", port: 7).map(\.text)
        #expect(texts.contains("0.0.0.0:7"))
    }

    @Test func `no address is given twice`() throws {
        let found = try SocketAddress.resolve(host: "localhost", port: 7)
        for (place, one) in found.enumerated() {
            #expect(!found[..<place].contains(one), "\(one.text)")
        }
    }

    @Test func `a host that cannot be is unknown`() {
        #expect {
            _ = try SocketAddress.resolve(host: "no..such..host", port: 1)
        } throws: { error in
            guard case LoopError.hostUnknown("no..such..host", _) = error else { return false }
            return true
        }
    }

    @Test func `a path of 107 bytes fits, one of 108 does not`() throws {
        let longest = String(repeating: "p", count: 107)
        #expect(try SocketAddress(path: longest).text == "unix")
        #expect(throws: LoopError.pathLength(path: longest + "p", bytesMax: 107)) {
            try SocketAddress(path: longest + "p")
        }
        #expect(throws: LoopError.pathLength(path: "", bytesMax: 107)) {
            try SocketAddress(path: "")
        }
    }
}
