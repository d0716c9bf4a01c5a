// Writes heads of requests, for the command line client and for tests.

package import Bytes

package enum RequestWriter {
    /// Appends a request line and fields, up to and with the empty line.
    ///
    /// - Parameters:
    ///   - method: a token, as `GET`.
    ///   - target: in origin form, from `/`. Bytes that a target cannot have are percent-encoded;
    ///     `%XX` and all visible ASCII but `#` go as they are.
    ///   - host: `host[:port]`.
    ///   - bodyLength: bytes of the body that follows, `nil` for none.
    ///   - upgrading: whether to send `Connection: Upgrade`; the Upgrade field is the caller's.
    package static func appendHead(
        _ method: StaticString, target: String, host: String,
        fields: [(StaticString, FieldValue)] = [], bodyLength: UInt64? = nil,
        upgrading: Bool = false, to buffer: ByteBuffer
    ) {
        buffer.append(method)
        buffer.append(.space)
        for byte in target.utf8 { appendTargetByte(byte, to: buffer) }
        buffer.append(" HTTP/1.1\r\n")
        appendField("Host", .string(host), to: buffer)
        for (name, value) in fields { appendField(name, value, to: buffer) }
        if let bodyLength { appendField("Content-Length", .decimal(bodyLength), to: buffer) }
        if upgrading { appendField("Connection", "Upgrade", to: buffer) }
        buffer.append("\r\n")
    }

    private static func appendTargetByte(_ byte: UInt8, to buffer: ByteBuffer) {
        guard byte <= 0x20 || byte >= 0x7F || byte == 0x23 else {
            buffer.append(byte)
            return
        }
        buffer.append(0x25)
        for digit in [byte >> 4, byte & 15] {
            buffer.append(digit < 10 ? 0x30 + digit : 0x37 + digit)
        }
    }
}
