import Testing
import Wire

@Suite struct WebSocketHandshakeTests {
    @Test func `the key of RFC 6455 §1.3 gives the 60 bytes to hash`() {
        let key = Array("dGhlIHNhbXBsZSBub25jZQ==".utf8)
        let bytes = WebSocketHandshake.bytesToHash(key: key.span)
        #expect(
            bytes == Array("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
        #expect(bytes?.count == 60)
    }

    @Test(arguments: [
        ("AAAAAAAAAAAAAAAAAAAAAA==", true), ("+/zZ09azAAAAAAAAAAAAAB==", true),
        ("", false), ("AAAAAAAAAAAAAAAAAAAAA===", false), ("AAAAAAAAAAAAAAAAAAAAAAA=", false),
        ("AAAAAAAAAAAAAAAAAAAAAAAA", false),
        ("AAAAAAAAAAAAAAAAAAAAAA=A", false), ("AAAAAAAAAAAAAAAAAAAAAAA=", false),
        ("AAAAAAAAAAAAAAAAAAAAA==", false),
        ("AAAAAAAAAAAAAAAAAAAAAAA==", false), ("AAAAAAAAAAAAAAAAAAAA-_==", false),
        (" AAAAAAAAAAAAAAAAAAAAA==", false), ("AAAAAAAAAA=AAAAAAAAAAA==", false),
    ])
    func `a key is the base64 of 16 bytes`(key: String, isValid: Bool) {
        let bytes = Array(key.utf8)
        let found = WebSocketHandshake.isValidKey(bytes.span)
        #expect(found == isValid)
        let hashed = WebSocketHandshake.bytesToHash(key: bytes.span)
        #expect((hashed != nil) == isValid)
    }

    @Test(
        arguments: [
            (["carillon.v1"], "carillon.v1"), (["other, carillon.v1"], "carillon.v1"),
            (["other,\tcarillon.v1 "], "carillon.v1"), (["other", " carillon.v1"], "carillon.v1"),
            (["b, carillon.v1"], "b"), (["carillon.v1, b"], "carillon.v1"),
            (["Carillon.v1"], nil), (["carillon.v10"], nil), (["carillon.v1 x"], nil),
            ([","], nil), ([""], nil), ([], nil),
        ] as [([String], String?)])
    func `the client's first protocol that the server speaks is chosen`(
        offered: [String], chosen: String?
    ) {
        let found = WebSocketHandshake.subprotocol(
            offered: offered, supported: ["b", "carillon.v1"])
        #expect(found == chosen)
    }
}
