import Bytes
import Foundation
import Testing

@testable import Wire

private func decoded(_ text: String) throws(Base64Error) -> [UInt8] {
    try decodeBase64(Array(text.utf8).span)
}

@Suite struct Base64Tests {
    /// RFC 4648 §10.
    static let vectors: [(String, String)] = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]

    @Test(arguments: vectors)
    func `the vectors of RFC 4648 hold both ways`(text: String, encoded: String) throws {
        let found = base64(Array(text.utf8).span)
        #expect(found == encoded)
        #expect(try decoded(encoded) == Array(text.utf8))
    }

    static let refused: [(String, Base64Error)] = [
        ("Z", .invalidLength(byteCount: 1)),
        ("Zg", .invalidLength(byteCount: 2)),
        ("Zg=", .invalidLength(byteCount: 3)),
        ("Zm9v=", .invalidLength(byteCount: 5)),
        ("====", .invalidByte(0x3D, at: 0)),
        ("Z===", .invalidByte(0x3D, at: 1)),
        ("Zg==Zg==", .invalidByte(0x3D, at: 2)),
        ("Z=g=", .invalidByte(0x3D, at: 1)),
        ("Zm9v====", .invalidByte(0x3D, at: 4)),
        ("Zm-_", .invalidByte(0x2D, at: 2)),
        ("Zm9v\nZg=", .invalidByte(0x0A, at: 4)),
        ("Zm 9", .invalidByte(0x20, at: 2)),
        ("Zh==", .trailingBits(at: 1)),
        ("Zo==", .trailingBits(at: 1)),
        ("Zm9=", .trailingBits(at: 2)),
        ("Zm+=", .trailingBits(at: 2)),
    ]

    @Test(arguments: refused)
    func `what is not strictly base64 is refused`(text: String, expected: Base64Error) {
        #expect(throws: expected) { try decoded(text) }
    }

    @Test func `bytes outside ASCII are refused`() {
        #expect(throws: Base64Error.invalidByte(0xFF, at: 3)) {
            try decodeBase64([0x5A, 0x6D, 0x39, 0xFF].span)
        }
    }

    @Test(arguments: [UInt64](1...2))
    func `random bytes are written as Foundation writes them, and come back`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        for length in 0..<300 {
            let bytes = random.bytes(count: length)
            let text = base64(bytes.span)
            #expect(text == Data(bytes).base64EncodedString(), "seed \(seed)")
            #expect(try decoded(text) == bytes, "seed \(seed)")
        }
    }

    /// Of all texts of four characters at most one decodes to given bytes.
    @Test(arguments: [UInt64](1...2))
    func `whatever decodes is what we would have written`(seed: UInt64) {
        var random = TextRandom(seed: seed)
        let letters = Array("ABCDwxyz0189+/==".utf8)
        var acceptedCount = 0
        for _ in 0..<20_000 {
            let text = (0..<8).map { _ in letters.randomElement(using: &random)! }
            guard let bytes = try? decodeBase64(text.span) else { continue }
            acceptedCount += 1
            let again = base64(bytes.span)
            #expect(Array(again.utf8) == text, "seed \(seed)")
        }
        #expect(acceptedCount > 100)
    }
}
