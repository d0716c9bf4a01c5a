// Messages in, WebSocket frames out: RFC 6455 §5.2.

package import Bytes

/// Writes frames at the end of a buffer. Any loop; nothing is kept between calls.
///
/// A server does not mask (RFC 6455 §5.1), so its frame is a header of 2, 4 or 10 bytes and the
/// payload as it is, the same bytes for every subscriber.
package enum WebSocketEncoder {
    /// The longest header without a masking key.
    package static let headerBytesMax = 10
    /// RFC 6455 §5.5: a control frame's payload.
    package static let controlPayloadBytesMax = 125
    /// What two bytes of code leave of it.
    package static let closeReasonBytesMax = 123

    /// How long the unmasked header for a payload of `payloadCount` bytes is: 2, 4 or 10.
    package static func headerCount(payloadCount: Int) -> Int {
        payloadCount <= 125 ? 2 : payloadCount <= 0xFFFF ? 4 : 10
    }

    /// The header of an unmasked frame; the caller appends `payloadCount` bytes after it.
    ///
    /// - Parameter compressed: RSV1, on the first frame of a message only (RFC 7692 §6).
    package static func appendHeader(
        _ opcode: WebSocketOpcode, final: Bool = true, compressed: Bool = false,
        payloadCount: Int, to buffer: ByteBuffer
    ) {
        appendHeader(
            opcode, final: final, compressed: compressed, maskBit: 0, payloadCount: payloadCount,
            to: buffer)
    }

    /// A whole unmasked frame.
    package static func appendFrame(
        _ opcode: WebSocketOpcode, final: Bool = true, compressed: Bool = false,
        payload: Span<UInt8>, to buffer: ByteBuffer
    ) {
        buffer.reserve(headerBytesMax + payload.count)
        appendHeader(
            opcode, final: final, compressed: compressed, payloadCount: payload.count, to: buffer)
        buffer.append(payload)
    }

    /// An unmasked close frame; one without payload when `code` is nil.
    ///
    /// - Parameter reason: cut after the last whole character that fits in 123 bytes.
    package static func appendClose(code: UInt16?, reason: String = "", to buffer: ByteBuffer) {
        let payload = closePayload(code: code, reason: reason)
        appendFrame(.close, payload: payload.span, to: buffer)
    }

    /// A whole frame as a client sends it.
    ///
    /// - Parameter key: four unpredictable bytes, new for each frame (RFC 6455 §5.3), the first
    ///   wire byte lowest.
    package static func appendMaskedFrame(
        _ opcode: WebSocketOpcode, final: Bool = true, compressed: Bool = false,
        payload: Span<UInt8>, key: UInt32, to buffer: ByteBuffer
    ) {
        buffer.reserve(headerBytesMax + 4 + payload.count)
        appendHeader(
            opcode, final: final, compressed: compressed, maskBit: 0x80,
            payloadCount: payload.count, to: buffer)
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            buffer.append(UInt8(truncatingIfNeeded: key >> shift))
        }
        // By way of an array: only our command line client masks, and it sends little.
        var masked: [UInt8] = []
        appendMasked(payload, key: key, phase: 0, to: &masked)
        buffer.append(masked)
    }

    /// A masked close frame, as ``appendClose(code:reason:to:)`` otherwise.
    package static func appendMaskedClose(
        code: UInt16?, reason: String = "", key: UInt32, to buffer: ByteBuffer
    ) {
        let payload = closePayload(code: code, reason: reason)
        appendMaskedFrame(.close, payload: payload.span, key: key, to: buffer)
    }

    private static func appendHeader(
        _ opcode: WebSocketOpcode, final: Bool, compressed: Bool, maskBit: UInt8,
        payloadCount: Int, to buffer: ByteBuffer
    ) {
        precondition(payloadCount >= 0, "a payload of \(payloadCount) bytes")
        if opcode.isControl {
            precondition(final && !compressed, "a control frame is whole and not compressed")
            precondition(
                payloadCount <= controlPayloadBytesMax, "control frame of \(payloadCount) bytes")
        }
        buffer.append((final ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode.rawValue)
        if payloadCount <= 125 {
            buffer.append(maskBit | UInt8(payloadCount))
        } else if payloadCount <= 0xFFFF {
            buffer.append(maskBit | 126)
            buffer.append(bigEndian: UInt16(payloadCount))
        } else {
            buffer.append(maskBit | 127)
            buffer.append(bigEndian: UInt64(payloadCount))
        }
    }

    private static func closePayload(code: UInt16?, reason: String) -> [UInt8] {
        guard let code else { return [] }
        precondition(WebSocketCloseCode.isAllowedInFrame(code), "close code \(code) in a frame")
        var payload: [UInt8] = [UInt8(code >> 8), UInt8(code & 0xFF)]
        payload += reason.utf8.prefix(controlPayloadBytesMax)
        guard payload.count > controlPayloadBytesMax else { return payload }
        // The first byte left out may be inside a character; then that character goes as a whole.
        var end = controlPayloadBytesMax
        while payload[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(payload[..<end])
    }
}
