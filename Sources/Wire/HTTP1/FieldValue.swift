// Fields as they are written, in requests and responses alike.

import Bytes

/// A field's value. A literal is ``text(_:)``.
package enum FieldValue: Sendable, ExpressibleByStringLiteral {
    case text(StaticString)
    /// Text made at run time. Control bytes are sent as spaces, so that nobody's input can end the
    /// line and begin another (RFC 9110 §5.5).
    case string(String)
    case decimal(UInt64)
    /// An id in quotes: a strong entity tag (RFC 9110 §8.8.3).
    case entityTag(MessageID)
    /// An HTTP-date (RFC 9110 §5.6.7), given in seconds since 1970-01-01 00:00 UTC.
    case date(secondsSince1970: UInt64)

    package init(stringLiteral value: StaticString) { self = .text(value) }
}

/// Appends `name: value` and CRLF.
func appendField(_ name: StaticString, _ value: FieldValue, to buffer: ByteBuffer) {
    buffer.append(name)
    buffer.append(": ")
    switch value {
    case .text(let text): buffer.append(text)
    case .string(let text): appendSafe(text, to: buffer)
    case .decimal(let number): buffer.append(decimal: number)
    case .entityTag(let id):
        buffer.append(UInt8(ascii: "\""))
        id.append(to: buffer)
        buffer.append(UInt8(ascii: "\""))
    case .date(let seconds): appendHTTPDate(secondsSince1970: seconds, to: buffer)
    }
    buffer.append("\r\n")
}

private func appendSafe(_ text: String, to buffer: ByteBuffer) {
    guard text.utf8.contains(where: \.isForbiddenControl) else {
        buffer.append(utf8: text)
        return
    }
    for byte in text.utf8 { buffer.append(byte.isForbiddenControl ? .space : byte) }
}
