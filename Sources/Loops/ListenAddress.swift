// The text after `--listen`: what it may say and what it means. Pure: it asks no resolver and
// touches no file.

/// Where to listen: `HOST:PORT`, `PORT` alone, or `unix:/path`.
package enum ListenAddress: Equatable, Sendable, CustomStringConvertible {
    /// - host: a name or a numeric address, IPv6 without its brackets; empty for all interfaces.
    /// - port: 0 lets the kernel choose.
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    /// Longest host name, RFC 1035 §2.3.4.
    static let hostBytesMax = 253

    /// Reads `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, `PORT` or `unix:PATH`.
    package static func parse(_ text: String) throws(ListenAddressError) -> ListenAddress {
        guard !text.isEmpty else { throw .empty }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty else { throw .pathMissing }
            guard !path.utf8.contains(0) else { throw .pathInvalid }
            return .unix(path: path)
        }
        if text.hasPrefix("[") { return try parseBracketed(text) }
        guard let colon = text.lastIndex(of: ":") else {
            if text.utf8.allSatisfy(isDigit) {
                return .tcp(host: "", port: try parsePort(text[...]))
            }
            throw .portMissing
        }
        let host = text[..<colon]
        guard !host.contains(":") else { throw .bracketsMissing }
        let port = try parsePort(text[text.index(after: colon)...])
        guard host.utf8.count <= hostBytesMax else { throw .hostInvalid }
        guard host.utf8.allSatisfy(isHostByte) else { throw .hostInvalid }
        return .tcp(host: String(host), port: port)
    }

    package var description: String {
        switch self {
        case .tcp("", let port): "*:\(port)"
        case .tcp(let host, let port) where host.contains(":"): "[\(host)]:\(port)"
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    private static func parseBracketed(_ text: String) throws(ListenAddressError) -> ListenAddress {
        guard let close = text.firstIndex(of: "]") else { throw .bracketUnclosed }
        let host = text[text.index(after: text.startIndex)..<close]
        guard host.contains(":") else { throw .hostInvalid }
        guard host.utf8.count <= hostBytesMax else { throw .hostInvalid }
        guard host.utf8.allSatisfy(isIPv6Byte) else { throw .hostInvalid }
        let rest = text[text.index(after: close)...]
        guard rest.hasPrefix(":") else { throw .portMissing }
        return .tcp(host: String(host), port: try parsePort(rest.dropFirst()))
    }

    /// One to five digits, at most 65535.
    private static func parsePort(_ text: Substring) throws(ListenAddressError) -> UInt16 {
        guard !text.isEmpty else { throw .portMissing }
        guard text.utf8.allSatisfy(isDigit) else { throw .portInvalid }
        guard text.utf8.count <= 5 else { throw .portInvalid }
        guard let port = UInt16(text) else { throw .portInvalid }
        return port
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLetter(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_")
    }

    /// Digits, colons, a dotted tail, and a zone after `%` (RFC 4007 §11), whose name is free.
    private static func isIPv6Byte(_ byte: UInt8) -> Bool {
        isHostByte(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%")
    }
}

/// Why a text is no address to listen on.
package enum ListenAddressError: Error, Equatable, CustomStringConvertible {
    case empty
    case portMissing
    case portInvalid
    case hostInvalid
    /// An IPv6 address must stand in brackets, or its last group would pass for the port.
    case bracketsMissing
    case bracketUnclosed
    case pathMissing
    case pathInvalid

    package var description: String {
        switch self {
        case .empty: "an address is HOST:PORT, PORT or unix:/path"
        case .portMissing: "the port is missing: HOST:PORT"
        case .portInvalid: "a port is a number from 0 to 65535"
        case .hostInvalid: "this is neither a host name nor an address"
        case .bracketsMissing: "write an IPv6 address in brackets: [::1]:8080"
        case .bracketUnclosed: "the bracket is not closed: [::1]:8080"
        case .pathMissing: "the path is missing: unix:/run/carillon.sock"
        case .pathInvalid: "a path holds no zero byte"
        }
    }
}
