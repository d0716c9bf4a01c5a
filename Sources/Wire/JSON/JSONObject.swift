// A flat view of one JSON object: enough to read a command, and no tree. The values of its members
// stay in the text, for whoever wants them verbatim.

import Bytes

/// The outermost members of one object, such as `{"op":"publish","channel":"c","data":{...}}`.
///
/// Strict as ``validateJSON(_:depthMax:)`` is, and a key that stands twice is refused: which of
/// the two counts is a question that two readers answer differently.
package struct JSONObject: Sendable {
    /// The text; ranges are into it. Who changes it has it parsed anew.
    package var bytes: [UInt8] = []
    /// A key that was written with escapes has its range in ``unescapedKeys`` instead of ``bytes``.
    private var members: [JSONMember] = []
    private var unescapedKeys: [UInt8] = []

    /// An object without members, to be given a text.
    package init() {}

    /// - Parameters:
    ///   - bytes: the whole text.
    ///   - depthMax: arrays and objects inside one another, this object included.
    ///   - keysMax: members of this object. Keys are compared one by one, so it is a small number.
    package init(
        parsing bytes: [UInt8], depthMax: Int = 64, keysMax: Int = 64
    ) throws(JSONError) {
        self.bytes = bytes
        try parse(depthMax: depthMax, keysMax: keysMax)
    }

    /// Reads ``bytes``. The memory of what was read before is used again; after an error there are
    /// no members.
    ///
    /// - Parameters: those of ``init(parsing:depthMax:keysMax:)``.
    package mutating func parse(depthMax: Int = 64, keysMax: Int = 64) throws(JSONError) {
        var scanner = JSONScanner(depthMax: depthMax)
        scanner.keepsMembers = true
        scanner.keysMax = keysMax
        members.removeAll(keepingCapacity: true)
        swap(&members, &scanner.members)
        try scanner.document(in: bytes.span)
        try checkKeys(&scanner.members)
        swap(&members, &scanner.members)
    }

    private mutating func checkKeys(_ members: inout [JSONMember]) throws(JSONError) {
        unescapedKeys = []
        for index in members.indices {
            let key = members[index].key
            if key.hasEscapes {
                let start = unescapedKeys.count
                unescapedKeys += try unescapeJSON(bytes.span.extracting(key.content))
                members[index].key.content = start..<unescapedKeys.count
            }
            for earlier in 0..<index where sameKey(members[earlier].key, members[index].key) {
                throw .duplicateKey(at: key.content.lowerBound - 1)
            }
        }
    }

    /// The keys, in the order of the text.
    package var keys: [String] {
        members.map { member in
            let text = member.key.hasEscapes ? unescapedKeys : bytes
            return String(decoding: text[member.key.content], as: UTF8.self)
        }
    }

    /// The type of a member's value; `nil` when there is no such member.
    package func kind(_ key: StaticString) -> JSONKind? { member(key)?.kind }

    /// Where a member's value stands in ``bytes``, verbatim; `nil` when there is no such member.
    package func raw(_ key: StaticString) -> Range<Int>? { member(key)?.value }

    /// A string's text; `nil` when absent or null.
    package func string(_ key: StaticString) throws(JSONError) -> String? {
        guard let value = try value(key, of: .string, wanted: .string) else { return nil }
        let range = content(of: value)
        if isPlain(range) { return String(decoding: bytes[range], as: UTF8.self) }
        return String(decoding: try text(of: value), as: UTF8.self)
    }

    /// A string's text as valid UTF-8; `nil` when absent or null.
    package func utf8(_ key: StaticString) throws(JSONError) -> [UInt8]? {
        guard let value = try value(key, of: .string, wanted: .string) else { return nil }
        return try text(of: value)
    }

    /// Gives a string's text, valid UTF-8, to `body`; in place where it has no escapes.
    ///
    /// - Returns: false when absent or null.
    package func withUTF8(
        _ key: StaticString, _ body: (Span<UInt8>) -> Void
    ) throws(JSONError) -> Bool {
        guard let value = try value(key, of: .string, wanted: .string) else { return false }
        let range = content(of: value)
        if isPlain(range) {
            body(bytes.span.extracting(range))
        } else {
            let text = try text(of: value)
            body(text.span)
        }
        return true
    }

    /// The bytes of a value `{"base64":"…"}`, as ``appendPayload(_:kind:to:)`` writes binary data;
    /// `nil` when it is anything else.
    package func binary(_ key: StaticString) throws(Base64Error) -> [UInt8]? {
        guard let member = member(key), member.kind == .object,
            let string = JSONScanner.onlyString("base64", in: bytes.span.extracting(member.value))
        else { return nil }
        let start = member.value.lowerBound
        let range = start + string.lowerBound..<start + string.upperBound
        if isPlain(range) { return try decodeBase64(bytes.span.extracting(range)) }
        guard let text = try? unescapeJSON(bytes.span.extracting(range)) else { return nil }
        return try decodeBase64(text.span)
    }

    /// An integer of 0...2^64-1, written without sign, fraction or exponent; `nil` when absent or
    /// null.
    package func unsigned(_ key: StaticString) throws(JSONError) -> UInt64? {
        guard let value = try value(key, of: .number, wanted: .unsigned) else { return nil }
        guard let number = decodeDecimal(bytes.span.extracting(value)) else {
            throw .wrongType(key: key.description, wanted: .unsigned, at: value.lowerBound)
        }
        return number
    }

    /// `nil` when absent or null.
    package func bool(_ key: StaticString) throws(JSONError) -> Bool? {
        guard let value = try value(key, of: .bool, wanted: .bool) else { return nil }
        return bytes[value.lowerBound] == UInt8(ascii: "t")
    }

    /// An array of nothing but strings; `nil` when absent or null.
    package func strings(_ key: StaticString) throws(JSONError) -> [String]? {
        guard let value = try value(key, of: .array, wanted: .strings) else { return nil }
        var found: [String] = []
        var at = value.lowerBound + 1
        // The scanner has been here: only a string, a comma, whitespace or another type remain.
        while at < value.upperBound - 1 {
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ","):
                at += 1
            case UInt8(ascii: "\""):
                let end = endOfString(from: at)
                found.append(String(decoding: try text(of: at..<end), as: UTF8.self))
                at = end
            case _:
                throw .wrongType(key: key.description, wanted: .strings, at: at)
            }
        }
        return found
    }

    private func member(_ key: StaticString) -> JSONMember? {
        for member in members {
            let range = member.key.content
            let isSame =
                member.key.hasEscapes
                ? equal(unescapedKeys.span.extracting(range), key)
                : equal(bytes.span.extracting(range), key)
            if isSame { return member }
        }
        return nil
    }

    private func value(
        _ key: StaticString, of kind: JSONKind, wanted: JSONWanted
    ) throws(JSONError) -> Range<Int>? {
        guard let member = member(key), member.kind != .null else { return nil }
        guard member.kind == kind else {
            throw .wrongType(key: key.description, wanted: wanted, at: member.value.lowerBound)
        }
        return member.value
    }

    /// What lies between the quotation marks of the string at `range`.
    private func content(of range: Range<Int>) -> Range<Int> {
        (range.lowerBound + 1)..<(range.upperBound - 1)
    }

    /// Whether a string's content has no escapes.
    private func isPlain(_ content: Range<Int>) -> Bool {
        endOfPlainJSON(in: bytes.span.extracting(content), from: 0) == content.count
    }

    /// The text of the string at `range`, quotation marks included.
    private func text(of range: Range<Int>) throws(JSONError) -> [UInt8] {
        try unescapeJSON(bytes.span.extracting(content(of: range)))
    }

    /// The offset behind the closing quotation mark of the string that opens at `start`.
    private func endOfString(from start: Int) -> Int {
        var at = start + 1
        while true {
            at = endOfPlainJSON(in: bytes.span, from: at)
            if bytes[at] == UInt8(ascii: "\"") { return at + 1 }
            at += 2
        }
    }

    private func sameKey(_ a: JSONStringToken, _ b: JSONStringToken) -> Bool {
        guard a.content.count == b.content.count else { return false }
        let plain = bytes.span
        let unescaped = unescapedKeys.span
        return equal(
            (a.hasEscapes ? unescaped : plain).extracting(a.content),
            (b.hasEscapes ? unescaped : plain).extracting(b.content))
    }
}
