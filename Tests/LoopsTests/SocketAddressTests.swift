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
