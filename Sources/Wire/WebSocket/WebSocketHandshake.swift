// The parts of the opening handshake that need no digest: RFC 6455 §4.2.
// SHA-1 and the base64 of its result belong to the caller, who has a crypto library.

import Bytes

/// Helpers for the opening handshake. Any loop; nothing is kept between calls.
package enum WebSocketHandshake {
    /// What is appended to the key before hashing, RFC 6455 §1.3.
    package static let guid: StaticString = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    /// The only value of `Sec-WebSocket-Version` in use, RFC 6455 §4.1.
    package static let version = "13"
    /// Characters of a `Sec-WebSocket-Key`.
    package static let keyCount = 24

    /// Whether `key` is the base64 of exactly 16 bytes: 22 characters and `==`.
    ///
    /// The four bits that the last character has too many are not asked to be zero (RFC 4648 §3.5
    /// leaves that open): the key is hashed as text, and never decoded.
    package static func isValidKey(_ key: Span<UInt8>) -> Bool {
        guard key.count == keyCount else { return false }
        for place in 0..<22 where !isBase64(key[place]) { return false }
        return key[22] == UInt8(ascii: "=") && key[23] == UInt8(ascii: "=")
    }

    /// The 60 bytes whose SHA-1, in base64, is `Sec-WebSocket-Accept` (RFC 6455 §4.2.2); nil when
    /// `key`, which stands without white space around it, is not valid.
    package static func bytesToHash(key: Span<UInt8>) -> [UInt8]? {
        guard isValidKey(key) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(60)
        append(key, to: &bytes)
        bytes += guid.description.utf8
        return bytes
    }

    /// The first protocol of the client's list that the server speaks.
    ///
    /// - Parameters:
    ///   - offered: the values of `Sec-WebSocket-Protocol`, each a comma list, best first (RFC 6455
    ///     §4.1); names are compared as they are, case included.
    ///   - supported: what the server speaks, in no order.
    /// - Returns: one of `supported`, or nil: then the answer has no such header.
    package static func subprotocol(offered: [String], supported: [String]) -> String? {
        for value in offered {
            for part in value.utf8.split(separator: UInt8(ascii: ",")) {
                let name = trimmed(part)
                if let known = supported.first(where: { $0.utf8.elementsEqual(name) }) {
                    return known
                }
            }
        }
        return nil
    }

    private static func trimmed(_ part: Substring.UTF8View) -> Substring.UTF8View {
        var part = part.drop { isBlank($0) }
        while let last = part.last, isBlank(last) { part.removeLast() }
        return part
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
