// Why a text is not the JSON that was asked for. One case for each rule, with the byte at fault.

/// A rule of RFC 8259 broken, or of ``JSONObject``. Offsets count bytes from the start of the text.
package enum JSONError: Error, Equatable, Sendable {
    /// The text ends inside a value (§2).
    case unexpectedEnd(at: Int)
    /// A byte that the grammar has no place for here (§2).
    case unexpectedByte(UInt8, at: Int)
    /// Something other than whitespace after the value (§2).
    case trailingBytes(at: Int)
    /// Not UTF-8 (§8.1).
    case invalidUTF8(at: Int)
    /// A number outside the grammar (§6): a leading zero, no digit after a sign, point or `e`.
    case invalidNumber(at: Int)
    /// A control below 0x20 that stands in a string unescaped (§7).
    case controlInString(UInt8, at: Int)
    /// A backslash with none of `"\/bfnrt` nor `u` and four hexadecimal digits after it (§7).
    case invalidEscape(at: Int)
    /// Half of a surrogate pair (§8.2): the grammar has it, but it encodes no text, and half of
    /// the world's parsers refuse the whole document for it.
    case loneSurrogate(at: Int)
    /// An array or object inside more others than `depthMax` allows (§9).
    case tooDeep(at: Int, depthMax: Int)
    /// Another value where an object is wanted.
    case notAnObject(at: Int)
    /// A name that stands twice in one object (§4).
    case duplicateKey(at: Int)
    /// An object with more members than `keysMax`.
    case tooManyKeys(at: Int, keysMax: Int)
    /// A member of another type than the one asked for.
    case wrongType(key: String, wanted: JSONWanted, at: Int)

    /// The byte at fault, counted from the start of the text.
    package var offset: Int {
        switch self {
        case .unexpectedEnd(let at), .unexpectedByte(_, let at), .trailingBytes(let at),
            .invalidUTF8(let at), .invalidNumber(let at), .controlInString(_, let at),
            .invalidEscape(let at), .loneSurrogate(let at), .tooDeep(let at, _),
            .notAnObject(let at), .duplicateKey(let at), .tooManyKeys(let at, _),
            .wrongType(_, _, let at):
            at
        }
    }

    /// One sentence for whoever sent the text.
    package var detail: String {
        switch self {
        case .unexpectedEnd(let at): "the JSON ends too early, at byte \(at)"
        case .unexpectedByte(let byte, let at): "unexpected \(name(of: byte)) at byte \(at)"
        case .trailingBytes(let at): "something follows the JSON value at byte \(at)"
        case .invalidUTF8(let at): "not UTF-8 at byte \(at)"
        case .invalidNumber(let at): "not a JSON number at byte \(at)"
        case .controlInString(let byte, let at):
            "\(name(of: byte)) must be escaped in a string, at byte \(at)"
        case .invalidEscape(let at): "unknown escape in a string at byte \(at)"
        case .loneSurrogate(let at): "half of a surrogate pair at byte \(at)"
        case .tooDeep(let at, let depthMax): "nested deeper than \(depthMax) levels at byte \(at)"
        case .notAnObject(let at): "a JSON object is wanted at byte \(at)"
        case .duplicateKey(let at): "a key stands twice, at byte \(at)"
        case .tooManyKeys(let at, let keysMax): "more than \(keysMax) keys, at byte \(at)"
        case .wrongType(let key, let wanted, let at):
            "\"\(key)\" must be \(wanted.phrase), at byte \(at)"
        }
    }
}

/// What a caller of ``JSONObject`` asked a member to be.
package enum JSONWanted: Sendable {
    case string
    /// An integer of 0...2^64-1, written without sign, fraction or exponent.
    case unsigned
    case bool
    case strings

    fileprivate var phrase: String {
        switch self {
        case .string: "a string"
        case .unsigned: "a whole number from 0 to 18446744073709551615"
        case .bool: "true or false"
        case .strings: "an array of strings"
        }
    }
}

/// The type of a JSON value (RFC 8259 §3).
package enum JSONKind: UInt8, Sendable {
    case string, number, object, array, bool, null
}

private func name(of byte: UInt8) -> String {
    if byte > 0x20, byte < 0x7F { return "'\(Character(Unicode.Scalar(byte)))'" }
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count == 1 ? "0x0\(digits)" : "0x\(digits)"
}
