// Base64 with the standard alphabet and padding (RFC 4648 §4), for binary data inside JSON. Not the
// URL-safe form of §5.

package import Bytes

/// Why a text is not base64.
package enum Base64Error: Error, Equatable, Sendable {
    /// The length is no multiple of four (§3.2: padding is required).
    case invalidLength(byteCount: Int)
    /// A byte outside the alphabet (§3.3), or padding elsewhere than at the end.
    case invalidByte(UInt8, at: Int)
    /// Bits that encode nothing are set (§3.5): another text for the same bytes.
    case trailingBits(at: Int)

    /// One sentence for whoever sent the text.
    package var detail: String {
        switch self {
        case .invalidLength(let byteCount):
            "base64 comes in groups of four characters, with padding; these are \(byteCount)"
        case .invalidByte(let byte, let at):
            "0x\(String(byte, radix: 16, uppercase: true)) is not base64, at byte \(at)"
        case .trailingBits(let at):
            "unused bits of the last base64 character are set, at byte \(at)"
        }
    }
}

/// The character of each value. An `InlineArray`, whose length the compiler knows: an index of six
/// bits then needs no check.
private let alphabet: InlineArray<64, UInt8> = {
    var characters = InlineArray<64, UInt8>(repeating: 0)
    let text = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, byte) in text.utf8.enumerated() { characters[value] = byte }
    return characters
}()

/// The value of each byte that is in the alphabet, else 0xFF.
private let valueOfByte: [UInt8] = {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for value in alphabet.indices { values[Int(alphabet[value])] = UInt8(value) }
    return values
}()

/// Appends `bytes` in base64: four characters for each three bytes begun.
package func appendBase64(_ bytes: Span<UInt8>, to buffer: ByteBuffer) {
    let alphabet = alphabet
    buffer.append(atMost: (bytes.count + 2) / 3 * 4) { output in
        func put(_ group: UInt32, _ shift: UInt32) {
            output.append(alphabet[Int(group >> shift & 0x3F)])
        }
        var at = 0
        while at + 3 <= bytes.count {
            let group =
                UInt32(bytes[at]) << 16 | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2])
            put(group, 18)
            put(group, 12)
            put(group, 6)
            put(group, 0)
            at += 3
        }
        guard at < bytes.count else { return }
        let hasTwo = at + 1 < bytes.count
        let group = UInt32(bytes[at]) << 16 | (hasTwo ? UInt32(bytes[at + 1]) << 8 : 0)
        put(group, 18)
        put(group, 12)
        if hasTwo { put(group, 6) } else { output.append(UInt8(ascii: "=")) }
        output.append(UInt8(ascii: "="))
    }
}

/// The base64 of `bytes`.
package func base64(_ bytes: Span<UInt8>) -> String {
    let buffer = ByteBuffer(minimumCapacity: (bytes.count + 2) / 3 * 4)
    appendBase64(bytes, to: buffer)
    return String(decoding: buffer.array(), as: UTF8.self)
}

/// The bytes that `text` encodes. Strict: padding is required, nothing but the alphabet is allowed,
/// and there is one text only for given bytes.
package func decodeBase64(_ text: Span<UInt8>) throws(Base64Error) -> [UInt8] {
    guard text.count % 4 == 0 else { throw .invalidLength(byteCount: text.count) }
    guard text.count > 0 else { return [] }
    let pad = UInt8(ascii: "=")
    let padding = text[text.count - 1] != pad ? 0 : text[text.count - 2] != pad ? 1 : 2
    let end = text.count - padding
    // The last group by itself if it is padded.
    let whole = padding == 0 ? end : text.count - 4
    let values = valueOfByte.span
    // No value of the alphabet has the high bit that 0xFF has.
    var seen: UInt8 = 0
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: text.count / 4 * 3 - padding) { output in
        var at = 0
        while at < whole {
            let (a, b) = (values[Int(text[at])], values[Int(text[at + 1])])
            let (c, d) = (values[Int(text[at + 2])], values[Int(text[at + 3])])
            seen |= a | b | c | d
            output.append(a << 2 | b >> 4)
            output.append(b << 4 | c >> 2)
            output.append(c << 6 | d)
            at += 4
        }
    }
    var group: UInt32 = 0
    for at in whole..<end {
        let value = values[Int(text[at])]
        seen |= value
        group = group << 6 | UInt32(value)
    }
    guard seen < 0x80 else { throw firstFault(in: text, before: end) }
    guard padding > 0 else { return bytes }
    // Three characters are 18 bits for two bytes, two are 12 bits for one: 2 or 4 are left over.
    let unused: UInt32 = padding == 1 ? 2 : 4
    guard group & (1 << unused - 1) == 0 else { throw .trailingBits(at: end - 1) }
    if padding == 1 { bytes.append(UInt8(truncatingIfNeeded: group >> 10)) }
    bytes.append(UInt8(truncatingIfNeeded: group >> unused))
    return bytes
}

/// - Precondition: there is one.
private func firstFault(in text: Span<UInt8>, before end: Int) -> Base64Error {
    var at = 0
    while at < end - 1, valueOfByte[Int(text[at])] != 0xFF { at += 1 }
    return .invalidByte(text[at], at: at)
}
