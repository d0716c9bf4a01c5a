// Where a channel is: the URL that a person types, taken apart. Not a general URL parser; what it
// cannot read it refuses, with a sentence that says what to write instead.

/// Why a text is no URL of a channel.
package struct URLError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// `http(s)://HOST[:PORT]/PATH`, `ws(s)://…`, or `http+unix:/SOCKET:/PATH`.
package struct ServerURL: Sendable, Equatable {
    package enum Place: Sendable, Equatable {
        /// A name or a numeric address, without brackets.
        case tcp(host: String, port: UInt16)
        case unix(path: String)
    }

    package let place: Place
    /// `wss` or `https`.
    package let isSecure: Bool
    /// `ws` or `wss`.
    package let isWebSocket: Bool
    /// Path and query, from `/`.
    package private(set) var target: String
    /// For the Host field; the port is left out where it is the scheme's own.
    package let hostField: String

    /// Bytes of a URL.
    package static let bytesMax = 8_000

    package init(_ text: String) throws(URLError) {
        guard text.utf8.count <= Self.bytesMax else {
            throw URLError("the URL has more than \(Self.bytesMax) bytes")
        }
        guard !text.utf8.contains(UInt8(ascii: "#")) else {
            throw URLError("a URL of a channel has no '#'; in a channel's name it is written %23")
        }
        guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/") else {
            throw Self.noScheme
        }
        var scheme = text[..<colon].lowercased()
        let rest = text[text.index(after: colon)...]
        let isUnix = scheme.hasSuffix("+unix")
        if isUnix { scheme.removeLast(5) }
        switch scheme {
        case "http": (isSecure, isWebSocket) = (false, false)
        case "https": (isSecure, isWebSocket) = (true, false)
        case "ws": (isSecure, isWebSocket) = (false, true)
        case "wss": (isSecure, isWebSocket) = (true, true)
        case _: throw Self.noScheme
        }
        if isUnix {
            (place, target) = try Self.unixPlace(rest)
            hostField = "localhost"
        } else {
            guard rest.hasPrefix("//") else { throw Self.noScheme }
            let authority = rest.dropFirst(2).prefix { $0 != "/" && $0 != "?" }
            target = String(rest[authority.endIndex...])
            let own: UInt16 = isSecure ? 443 : 80
            let (host, port) = try Self.hostAndPort(authority, defaultPort: own)
            place = .tcp(host: host, port: port)
            let bracketed = host.contains(":") ? "[\(host)]" : host
            hostField = port == own ? bracketed : "\(bracketed):\(port)"
        }
        guard target.hasPrefix("/"), target != "/", !target.hasPrefix("/?") else {
            throw URLError("the URL names no channel: it goes on with /channels/NAME")
        }
    }

    private static let noScheme = URLError(
        "a URL is wanted, such as http://127.0.0.1:8080/channels/NAME (https, ws and wss too)")

    // MARK: Parts

    private static func hostAndPort(
        _ authority: Substring, defaultPort: UInt16
    ) throws(URLError) -> (String, UInt16) {
        guard !authority.contains("@") else {
            throw URLError("a URL carries no user name here: give a key with --key KEY")
        }
        let host: Substring
        let after: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else {
                throw URLError("the IPv6 address in the URL has no ']'")
            }
            host = authority[..<end].dropFirst()
            after = authority[authority.index(after: end)...]
            guard host.contains(":"), host.utf8.allSatisfy(isIPv6Byte) else {
                throw URLError("\"\(host)\" is no IPv6 address")
            }
        } else {
            host = authority.prefix { $0 != ":" }
            after = authority[host.endIndex...]
            guard !after.dropFirst().contains(":") else {
                throw URLError("an IPv6 address stands in brackets in a URL: http://[::1]:8080/…")
            }
            guard !host.isEmpty else { throw URLError("the URL names no host") }
            guard host.utf8.count <= 253, host.utf8.allSatisfy(isHostByte) else {
                throw URLError("\"\(host)\" is no host name or address")
            }
        }
        guard !after.isEmpty else { return (String(host), defaultPort) }
        let digits = after.dropFirst()
        guard after.hasPrefix(":"), digits.utf8.count <= 5,
            digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { throw URLError("\"\(after)\" is no port") }
        // RFC 3986 §3.2.3: a colon without a port is as good as none.
        if digits.isEmpty { return (String(host), defaultPort) }
        guard let port = UInt16(digits), port > 0 else {
            throw URLError("\(digits) is no port: 1 to 65535 are")
        }
        return (String(host), port)
    }

    private static func unixPlace(_ rest: Substring) throws(URLError) -> (Place, String) {
        let bytes = Array(rest.utf8)
        var at = 1
        while at + 1 < bytes.count, bytes[at] != UInt8(ascii: ":") || bytes[at + 1] != slash {
            at += 1
        }
        guard bytes.first == slash, at + 1 < bytes.count else {
            throw URLError(
                "a URL of a Unix socket is written http+unix:/PATH/OF/SOCKET:/channels/NAME")
        }
        let path = String(decoding: bytes[..<at], as: UTF8.self)
        // sockaddr_un has 108 bytes, one of which is the zero at the end.
        guard at <= 107, !bytes[..<at].contains(0) else {
            throw URLError("the path of a Unix socket has 107 bytes at most")
        }
        return (.unix(path: path), String(decoding: bytes[(at + 1)...], as: UTF8.self))
    }

    // MARK: Target

    /// Whether the query has an item of this name.
    package func hasQueryItem(_ name: String) -> Bool {
        guard let mark = target.firstIndex(of: "?") else { return false }
        let items = target[target.index(after: mark)...].split(separator: "&")
        return items.contains { $0 == name || $0.hasPrefix(name + "=") }
    }

    /// The target with one query item more, percent-encoded.
    package func target(adding name: String, _ value: String) -> String {
        var text = target + (target.contains("?") ? "&" : "?") + name + "="
        for byte in value.utf8 {
            if isUnreserved(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }

    /// The channel's name, decoded; nil unless the path is `/channels/NAME` with sound encoding.
    package var channelName: [UInt8]? {
        let path = target.prefix { $0 != "?" }
        guard path.hasPrefix("/channels/") else { return nil }
        let name = Array(path.dropFirst(10).utf8)
        guard !name.isEmpty, !name.contains(slash) else { return nil }
        var decoded: [UInt8] = []
        var at = 0
        while at < name.count {
            guard name[at] == UInt8(ascii: "%") else {
                decoded.append(name[at])
                at += 1
                continue
            }
            guard at + 2 < name.count, let high = hexDigit(name[at + 1]),
                let low = hexDigit(name[at + 2])
            else { return nil }
            decoded.append(high << 4 | low)
            at += 3
        }
        return decoded
    }
}

private let slash = UInt8(ascii: "/")

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case _: nil
    }
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10
}

private func isHostByte(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        || byte == UInt8(ascii: "_")
}

private func isIPv6Byte(_ byte: UInt8) -> Bool {
    hexDigit(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
}

/// RFC 3986 §2.3.
private func isUnreserved(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
}
