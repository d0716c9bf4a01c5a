// What clients send, as bytes.

internal import Bytes
internal import Deflate
internal import Wire

/// How a subscriber receives.
package enum Transport: String, CaseIterable, Sendable {
    /// Messages as they are.
    case websocket
    /// Messages in envelopes: `carillon.v1`.
    case v1
    case sse
    case ndjson
    case poll

    /// Follows `channel` from now on.
    package func request(_ channel: String) -> [UInt8] {
        switch self {
        case .websocket: handshake("/channels/\(channel)?echo=0")
        case .v1: handshake("/channels/\(channel)", fields: speaksV1)
        case .sse: get("/channels/\(channel)", accept: "text/event-stream")
        case .ndjson: get("/channels/\(channel)", accept: "application/x-ndjson")
        case .poll: get("/channels/\(channel)", accept: "application/json")
        }
    }
}

/// Offers `carillon.v1` in a handshake.
let speaksV1 = "Sec-WebSocket-Protocol: carillon.v1\r\n"

/// The opening handshake, as a browser sends it.
package func handshake(_ path: String, fields: String = "") -> [UInt8] {
    Array(
        ("GET \(path) HTTP/1.1\r\nHost: gateway.example\r\n"
            + "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
            + "Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nConnection: keep-alive, Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: Y2FyaWxsb24gYmVsbHMhIQ==\r\n\(fields)\r\n").utf8)
}

package func get(_ path: String, accept: String) -> [UInt8] {
    Array("GET \(path) HTTP/1.1\r\nHost: gateway.example\r\nAccept: \(accept)\r\n\r\n".utf8)
}

package func post(
    _ path: String, _ body: [UInt8], type: String = "text/plain", fields: String = ""
) -> [UInt8] {
    Array(
        ("POST \(path) HTTP/1.1\r\nHost: gateway.example\r\nContent-Type: \(type)\r\n\(fields)"
            + "Content-Length: \(body.count)\r\n\r\n").utf8) + body
}

/// One masked text frame.
package func frame(_ text: [UInt8]) -> [UInt8] {
    let buffer = ByteBuffer()
    WebSocketEncoder.appendMaskedFrame(.text, payload: text.span, key: 0x4B1D_F00D, to: buffer)
    return buffer.array()
}

/// The same, compressed (RFC 7692).
func deflatedFrame(_ text: [UInt8]) -> [UInt8] {
    let (compressed, buffer) = (ByteBuffer(), ByteBuffer())
    Deflater(windowBits: 15).compressMessage(text.span, to: compressed)
    compressed.withSpan {
        WebSocketEncoder.appendMaskedFrame(.text, payload: $0, key: 0x4B1D_F00D, to: buffer)
    }
    buffer[0] |= 0x40
    return buffer.array()
}

/// ASCII of so many bytes, as a message may be.
package func payload(_ count: Int) -> [UInt8] {
    let text = Array("The carillon plays on the hour, and on the half hour a shorter tune. ".utf8)
    return (0..<count).map { text[$0 % text.count] }
}
