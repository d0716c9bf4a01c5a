// The grammar of RFC 8259, walked without building anything. `validateJSON` and `JSONObject` are
// its two users; un-escaping is in JSONString.swift.

import Bytes

/// Checks without building anything: may this text stand verbatim inside our envelopes?
///
/// Strict: exactly one value of RFC 8259, valid UTF-8, no half surrogate pairs, the whole input.
///
/// - Parameters:
///   - bytes: the text; any length.
///   - depthMax: arrays and objects inside one another, 1...``JSONScanner/depthCeiling``.
/// - Throws: the first rule broken. That the text is UTF-8 is checked first.
package func validateJSON(_ bytes: Span<UInt8>, depthMax: Int = 64) throws(JSONError) {
    var scanner = JSONScanner(depthMax: depthMax)
    try scanner.document(in: bytes)
}

/// A string as it stands in the text.
struct JSONStringToken {
    /// Between the quotation marks.
    var content: Range<Int>
    var hasEscapes: Bool

    /// Whether it is `text`, once its escapes are read.
    func spells(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        let content = bytes.extracting(content)
        guard hasEscapes else { return equal(content, text) }
        guard let unescaped = try? unescapeJSON(content) else { return false }
        return equal(unescaped.span, text)
    }
}

/// One member of the outermost object.
struct JSONMember {
    var key: JSONStringToken
    var value: Range<Int>
    var kind: JSONKind
}

/// A cursor over one text. The text is passed to each call, since a `Span` cannot be stored.
struct JSONScanner {
    /// The recursion below takes some hundred bytes of stack a level.
    static let depthCeiling = 512

    let depthMax: Int
    /// Set to have ``members`` filled.
    var keepsMembers = false
    /// How many members the outermost object may have; only while ``keepsMembers``.
    var keysMax = Int.max
    /// The outermost object's members, in order.
    var members: [JSONMember] = []
    private(set) var at = 0
    private var depth = 0

    init(depthMax: Int) {
        precondition((1...Self.depthCeiling).contains(depthMax), "depthMax \(depthMax)")
        self.depthMax = depthMax
    }

    mutating func document(in bytes: Span<UInt8>) throws(JSONError) {
        try requireUTF8(bytes)
        skipWhitespace(in: bytes)
        if keepsMembers {
            members.reserveCapacity(min(keysMax, 8))
            guard at < bytes.count else { throw .unexpectedEnd(at: at) }
            guard bytes[at] == UInt8(ascii: "{") else { throw .notAnObject(at: at) }
        }
        _ = try value(in: bytes)
        skipWhitespace(in: bytes)
        guard at == bytes.count else { throw .trailingBytes(at: at) }
    }

    /// The content of the string in `{"key":"…"}`; nil for any other object.
    ///
    /// - Parameter object: has been walked over without an error; begins with its brace.
    static func onlyString(_ key: StaticString, in object: Span<UInt8>) -> Range<Int>? {
        var scanner = JSONScanner(depthMax: 1)
        scanner.at = 1
        scanner.skipWhitespace(in: object)
        guard object[scanner.at] == UInt8(ascii: "\""),
            let name = try? scanner.string(in: object), name.spells(key, in: object)
        else { return nil }
        scanner.skipWhitespace(in: object)
        // The colon.
        scanner.at += 1
        scanner.skipWhitespace(in: object)
        guard object[scanner.at] == UInt8(ascii: "\""),
            let string = try? scanner.string(in: object)
        else { return nil }
        scanner.skipWhitespace(in: object)
        return object[scanner.at] == UInt8(ascii: "}") ? string.content : nil
    }

    private mutating func value(in bytes: Span<UInt8>) throws(JSONError) -> JSONKind {
        guard at < bytes.count else { throw .unexpectedEnd(at: at) }
        switch bytes[at] {
        case UInt8(ascii: "\""):
            _ = try string(in: bytes)
            return .string
        case UInt8(ascii: "{"):
            try object(in: bytes)
            return .object
        case UInt8(ascii: "["):
            try array(in: bytes)
            return .array
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try number(in: bytes)
            return .number
        case UInt8(ascii: "t"):
            try literal("true", length: 4, in: bytes)
            return .bool
        case UInt8(ascii: "f"):
            try literal("false", length: 5, in: bytes)
            return .bool
        case UInt8(ascii: "n"):
            try literal("null", length: 4, in: bytes)
            return .null
        case let other:
            throw .unexpectedByte(other, at: at)
        }
    }

    private mutating func object(in bytes: Span<UInt8>) throws(JSONError) {
        try enter()
        skipWhitespace(in: bytes)
        if try take(UInt8(ascii: "}"), in: bytes) { return leave() }
        while true {
            let keyStart = at
            guard try peek(in: bytes) == UInt8(ascii: "\"") else {
                throw .unexpectedByte(bytes[at], at: at)
            }
            let key = try string(in: bytes)
            skipWhitespace(in: bytes)
            guard try take(UInt8(ascii: ":"), in: bytes) else {
                throw .unexpectedByte(bytes[at], at: at)
            }
            skipWhitespace(in: bytes)
            let start = at
            let kind = try value(in: bytes)
            if keepsMembers, depth == 1 {
                guard members.count < keysMax else {
                    throw .tooManyKeys(at: keyStart, keysMax: keysMax)
                }
                members.append(JSONMember(key: key, value: start..<at, kind: kind))
            }
            if try !comma(orEnd: UInt8(ascii: "}"), in: bytes) { return leave() }
        }
    }

    private mutating func array(in bytes: Span<UInt8>) throws(JSONError) {
        try enter()
        skipWhitespace(in: bytes)
        if try take(UInt8(ascii: "]"), in: bytes) { return leave() }
        while true {
            _ = try value(in: bytes)
            if try !comma(orEnd: UInt8(ascii: "]"), in: bytes) { return leave() }
        }
    }

    /// Takes `,` and the space after it (true), or `end` (false).
    private mutating func comma(orEnd end: UInt8, in bytes: Span<UInt8>) throws(JSONError) -> Bool {
        skipWhitespace(in: bytes)
        if try take(UInt8(ascii: ","), in: bytes) {
            skipWhitespace(in: bytes)
            return true
        }
        guard try take(end, in: bytes) else { throw .unexpectedByte(bytes[at], at: at) }
        return false
    }

    private mutating func enter() throws(JSONError) {
        guard depth < depthMax else { throw .tooDeep(at: at, depthMax: depthMax) }
        depth += 1
        at += 1
    }

    private mutating func leave() { depth -= 1 }

    /// Walks over one string; ``at`` is on its opening quotation mark.
    private mutating func string(in bytes: Span<UInt8>) throws(JSONError) -> JSONStringToken {
        let start = at + 1
        var hasEscapes = false
        at = start
        while true {
            at = endOfPlainJSON(in: bytes, from: at)
            guard at < bytes.count else { throw .unexpectedEnd(at: at) }
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at += 1
                return JSONStringToken(content: start..<(at - 1), hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                _ = try readJSONEscape(in: bytes, at: &at)
            case let control:
                throw .controlInString(control, at: at)
            }
        }
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` (§6).
    private mutating func number(in bytes: Span<UInt8>) throws(JSONError) {
        if bytes[at] == UInt8(ascii: "-") { at += 1 }
        if at < bytes.count, bytes[at] == UInt8(ascii: "0") {
            at += 1
            if at < bytes.count, isDigit(bytes[at]) { throw .invalidNumber(at: at) }
        } else {
            try digits(in: bytes)
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            try digits(in: bytes)
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") {
                at += 1
            }
            try digits(in: bytes)
        }
    }

    /// One digit or more.
    private mutating func digits(in bytes: Span<UInt8>) throws(JSONError) {
        guard at < bytes.count else { throw .unexpectedEnd(at: at) }
        guard isDigit(bytes[at]) else { throw .invalidNumber(at: at) }
        while at < bytes.count, isDigit(bytes[at]) { at += 1 }
    }

    private mutating func literal(
        _ text: StaticString, length: Int, in bytes: Span<UInt8>
    ) throws(JSONError) {
        let end = min(at + length, bytes.count)
        if equal(bytes.extracting(at..<end), text) {
            at = end
            return
        }
        // Rare, so it may be slow: the first byte that differs is the one to name.
        for expected in text.description.utf8 {
            guard at < bytes.count else { throw .unexpectedEnd(at: at) }
            guard bytes[at] == expected else { throw .unexpectedByte(bytes[at], at: at) }
            at += 1
        }
    }

    private func peek(in bytes: Span<UInt8>) throws(JSONError) -> UInt8 {
        guard at < bytes.count else { throw .unexpectedEnd(at: at) }
        return bytes[at]
    }

    private mutating func take(_ byte: UInt8, in bytes: Span<UInt8>) throws(JSONError) -> Bool {
        guard try peek(in: bytes) == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipWhitespace(in bytes: Span<UInt8>) {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0D: at += 1
            default: return
            }
        }
    }
}

private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
}

private func requireUTF8(_ bytes: Span<UInt8>) throws(JSONError) {
    guard endOfASCII(in: bytes, from: 0) < bytes.count else { return }
    do throws(UTF8.ValidationError) {
        _ = try UTF8Span(validating: bytes)
    } catch {
        throw .invalidUTF8(at: error.byteOffsets.lowerBound)
    }
}
