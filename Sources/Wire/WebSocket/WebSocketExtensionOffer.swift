// The grammar of Sec-WebSocket-Extensions, and nothing of what an extension means: RFC 6455 §9.1.

/// One element of a `Sec-WebSocket-Extensions` list.
///
/// ```
/// extension-list = 1#extension
/// extension      = token *( ";" param )
/// param          = token [ "=" (token | quoted-string) ]    what is quoted is a token too
/// ```
package struct WebSocketExtensionOffer: Equatable, Sendable {
    package struct Parameter: Equatable, Sendable {
        package var name: String
        package var value: String?

        package init(name: String, value: String?) {
            self.name = name
            self.value = value
        }
    }

    package var name: String
    package var parameters: [Parameter]

    package init(name: String, parameters: [Parameter]) {
        self.name = name
        self.parameters = parameters
    }

    /// All offers of all header lines, in order; the work is linear in their bytes, which the limit
    /// on a request's head bounds.
    ///
    /// - Returns: nil when a line breaks the grammar; RFC 6455 §9.1 then wants the handshake to
    ///   fail. Empty list elements are passed over, as RFC 9110 §5.6.1 asks.
    package static func parse(_ headerValues: [String]) -> [Self]? {
        var offers: [Self] = []
        for value in headerValues {
            var scanner = Scanner(bytes: Array(value.utf8))
            guard scanner.list(into: &offers) else { return nil }
        }
        return offers
    }
}

/// A position in one header line.
private struct Scanner {
    let bytes: [UInt8]
    var at = 0

    var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func list(into offers: inout [WebSocketExtensionOffer]) -> Bool {
        while true {
            skipBlanks()
            if take(",") { continue }
            guard next != nil else { return true }
            guard let offer = offer() else { return false }
            offers.append(offer)
            guard next == nil || take(",") else { return false }
        }
    }

    private mutating func offer() -> WebSocketExtensionOffer? {
        guard let name = token() else { return nil }
        var offer = WebSocketExtensionOffer(name: name, parameters: [])
        skipBlanks()
        while take(";") {
            skipBlanks()
            guard let parameter = parameter() else { return nil }
            offer.parameters.append(parameter)
            skipBlanks()
        }
        return offer
    }

    private mutating func parameter() -> WebSocketExtensionOffer.Parameter? {
        guard let name = token() else { return nil }
        skipBlanks()
        guard take("=") else { return .init(name: name, value: nil) }
        skipBlanks()
        guard let value = next == UInt8(ascii: "\"") ? quoted() : token() else { return nil }
        return .init(name: name, value: value)
    }

    /// One or more token characters, RFC 9110 §5.6.2.
    private mutating func token() -> String? {
        let start = at
        while let byte = next, isTokenCharacter(byte) { at += 1 }
        return at > start ? String(decoding: bytes[start..<at], as: UTF8.self) : nil
    }

    /// A quoted string whose content, with its backslashes taken away, is a token.
    private mutating func quoted() -> String? {
        at += 1
        var content: [UInt8] = []
        while var byte = next {
            at += 1
            if byte == UInt8(ascii: "\"") {
                return content.isEmpty ? nil : String(decoding: content, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = next else { return nil }
                byte = escaped
                at += 1
            }
            guard isTokenCharacter(byte) else { return nil }
            content.append(byte)
        }
        return nil
    }

    private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: wanted) else { return false }
        at += 1
        return true
    }

    private mutating func skipBlanks() {
        while next == 0x20 || next == 0x09 { at += 1 }
    }
}

private func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "!"), UInt8(ascii: "^"),
        UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"),
        UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
        UInt8(ascii: "-"), UInt8(ascii: "."):
        true
    default: false
    }
}
