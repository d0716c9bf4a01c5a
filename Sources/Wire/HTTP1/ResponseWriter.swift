// Writes heads of responses, and chunks. It decides only what the framing forces: which of
// Content-Length, Transfer-Encoding and Connection to send.

package import Bytes

/// How a response's body is delimited.
package enum ResponseBody: Sendable, Equatable {
    /// No body, and no Content-Length: for 1xx, 204 and 304.
    case none
    /// Content-Length; of the body that would follow, if it answers HEAD.
    case length(UInt64)
    /// `Transfer-Encoding: chunked`; for peers that speak HTTP/1.1.
    case chunked
    /// Up to the close of the connection; for streams to HTTP/1.0 peers. Sends `Connection: close`.
    case untilClose
}

/// What becomes of the connection behind the response.
package enum Persistence: Sendable, Equatable {
    /// Stays open. HTTP/1.0 peers must be told so (RFC 9112 §9.3).
    case keepAlive(HTTPVersion)
    case close
    /// Changes its protocol: `Connection: Upgrade`. The Upgrade field is the caller's.
    case upgrade
}

package enum ResponseWriter {
    /// Appends a status line and fields, up to and with the empty line.
    ///
    /// - Parameter fields: in the order in which they are sent. Not Content-Length,
    ///   Transfer-Encoding, Connection: those follow from `body` and `persistence`.
    package static func appendHead(
        _ status: HTTPStatus, fields: [(StaticString, FieldValue)] = [], body: ResponseBody,
        persistence: Persistence, to buffer: ByteBuffer
    ) {
        buffer.append("HTTP/1.1 ")
        buffer.append(decimal: UInt64(status.rawValue))
        buffer.append(.space)
        buffer.append(status.reason)
        buffer.append("\r\n")
        for (name, value) in fields {
            assert(!isFraming(name), "\(name) follows from body and persistence")
            appendField(name, value, to: buffer)
        }
        appendFraming(status, body, to: buffer)
        appendConnection(body == .untilClose ? .close : persistence, to: buffer)
        buffer.append("\r\n")
    }

    /// Appends `HTTP/1.1 100 Continue`, after which the client sends its body (RFC 9110 §15.2.1).
    package static func appendContinue(to buffer: ByteBuffer) {
        buffer.append("HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// Appends one chunk (RFC 9112 §7.1); nothing if `data` is empty, since an empty chunk is the
    /// last.
    package static func appendChunk(_ data: Span<UInt8>, to buffer: ByteBuffer) {
        guard data.count > 0 else { return }
        appendChunkSize(data.count, to: buffer)
        buffer.append(data)
        buffer.append("\r\n")
    }

    /// Appends a chunk's size line. `count` bytes of data and a CRLF are to follow.
    ///
    /// - Parameter count: 1 or more.
    package static func appendChunkSize(_ count: Int, to buffer: ByteBuffer) {
        precondition(count > 0, "a chunk of \(count) bytes")
        var shift = (Int.bitWidth - 1 - count.leadingZeroBitCount) & ~3
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: count >> shift & 15)
            buffer.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            shift -= 4
        }
        buffer.append("\r\n")
    }

    /// Appends the last chunk and an empty trailer section.
    package static func appendLastChunk(to buffer: ByteBuffer) {
        buffer.append("0\r\n\r\n")
    }

    private static func appendFraming(
        _ status: HTTPStatus, _ body: ResponseBody, to buffer: ByteBuffer
    ) {
        switch body {
        case .none, .untilClose: break
        case .length(let length):
            // RFC 9110 §8.6: never in 1xx and 204.
            guard status.rawValue >= 200, status != .noContent else { return }
            appendField("Content-Length", .decimal(length), to: buffer)
        case .chunked:
            assert(!status.hasNoBody, "\(status.rawValue) has no body")
            buffer.append("Transfer-Encoding: chunked\r\n")
        }
    }

    private static func appendConnection(_ persistence: Persistence, to buffer: ByteBuffer) {
        switch persistence {
        case .keepAlive(.http11): break
        case .keepAlive(.http10): buffer.append("Connection: keep-alive\r\n")
        case .close: buffer.append("Connection: close\r\n")
        case .upgrade: buffer.append("Connection: Upgrade\r\n")
        }
    }

    private static func isFraming(_ name: StaticString) -> Bool {
        let name = name.description.lowercased()
        return ["content-length", "transfer-encoding", "connection"].contains(name)
    }
}
