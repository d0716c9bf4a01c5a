// JSON strings both ways (RFC 8259 §7), and the form of a JSON text that fits on one line.

package import Bytes

/// Appends `utf8` as a JSON string, with its quotation marks.
///
/// U+2028 and U+2029 stay as they are: they are legal in JSON and, since 2019, in JavaScript.
///
/// - Parameter utf8: known to be valid UTF-8.
package func appendJSONString(_ utf8: Span<UInt8>, to buffer: ByteBuffer) {
    buffer.reserve(utf8.count + 2)
    buffer.append(UInt8(ascii: "\""))
    var at = 0
    while true {
        let end = endOfPlainJSON(in: utf8, from: at)
        buffer.append(utf8.extracting(at..<end))
        guard end < utf8.count else { break }
        appendEscaped(utf8[end], to: buffer)
        at = end + 1
    }
    buffer.append(UInt8(ascii: "\""))
}

private func appendEscaped(_ byte: UInt8, to buffer: ByteBuffer) {
    switch byte {
    case UInt8(ascii: "\""): buffer.append(#"\""#)
    case UInt8(ascii: "\\"): buffer.append(#"\\"#)
    case UInt8(ascii: "\n"): buffer.append(#"\n"#)
    case UInt8(ascii: "\r"): buffer.append(#"\r"#)
    case UInt8(ascii: "\t"): buffer.append(#"\t"#)
    case let control:
        buffer.append(control < 0x10 ? #"\u000"# : #"\u001"#)
        let digit = control & 0x0F
        buffer.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
}

/// Appends JSON verbatim, made fit for one line: each raw CR or LF, which valid JSON has between
/// tokens only, becomes a space.
///
/// - Parameter json: known to pass ``validateJSON(_:depthMax:)``.
package func appendJSONText(_ json: Span<UInt8>, to buffer: ByteBuffer) {
    buffer.reserve(json.count)
    var breaks = LineBreaks(in: json)
    var at = 0
    while let next = breaks.next(in: json, from: at) {
        buffer.append(json.extracting(at..<next))
        buffer.append(UInt8(ascii: " "))
        at = next + 1
    }
    buffer.append(json.extracting(at..<json.count))
}

/// The text of a string's content, given as it stands between its quotation marks.
///
/// - Parameter content: checked by ``JSONScanner`` before; its escapes are read again here.
///
/// - Returns: an array with room for the text and no more: it may be a message that is kept.
func unescapeJSON(_ content: Span<UInt8>) throws(JSONError) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(try unescapedCount(content))
    var at = 0
    while true {
        let end = endOfPlainJSON(in: content, from: at)
        append(content.extracting(at..<end), to: &text)
        guard end < content.count else { return text }
        at = end
        let scalar = try readJSONEscape(in: content, at: &at)
        text.append(contentsOf: UTF8.encode(scalar)!)
    }
}

private func unescapedCount(_ content: Span<UInt8>) throws(JSONError) -> Int {
    var count = content.count
    var at = 0
    while true {
        at = endOfPlainJSON(in: content, from: at)
        guard at < content.count else { return count }
        let start = at
        let scalar = try readJSONEscape(in: content, at: &at)
        count += UTF8.width(scalar) - (at - start)
    }
}

/// Reads one escape, both halves of a surrogate pair at once, and leaves `at` behind it.
///
/// - Parameter at: on the backslash.
func readJSONEscape(in bytes: Span<UInt8>, at: inout Int) throws(JSONError) -> Unicode.Scalar {
    let start = at
    guard start + 1 < bytes.count else { throw .unexpectedEnd(at: bytes.count) }
    at += 2
    switch bytes[start + 1] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    case _: throw .invalidEscape(at: start)
    }
    let unit = try readHexUnit(in: bytes, at: &at, escapeStart: start)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard UTF16.isLeadSurrogate(unit) else { throw .loneSurrogate(at: start) }
    let second = at
    guard second < bytes.count else { throw .unexpectedEnd(at: bytes.count) }
    guard bytes[second] == UInt8(ascii: "\\") else { throw .loneSurrogate(at: start) }
    guard second + 1 < bytes.count else { throw .unexpectedEnd(at: bytes.count) }
    guard bytes[second + 1] == UInt8(ascii: "u") else { throw .loneSurrogate(at: start) }
    at += 2
    let trail = try readHexUnit(in: bytes, at: &at, escapeStart: second)
    guard UTF16.isTrailSurrogate(trail) else { throw .loneSurrogate(at: start) }
    return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
}

/// Four hexadecimal digits of either case.
private func readHexUnit(
    in bytes: Span<UInt8>, at: inout Int, escapeStart: Int
) throws(JSONError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
        guard at < bytes.count else { throw .unexpectedEnd(at: at) }
        let digit: UInt8
        switch bytes[at] {
        case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"):
            digit = byte - UInt8(ascii: "0")
        case let byte where byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"):
            digit = (byte | 0x20) - UInt8(ascii: "a") + 10
        case _: throw .invalidEscape(at: escapeStart)
        }
        unit = unit << 4 | UInt16(digit)
        at += 1
    }
    return unit
}
