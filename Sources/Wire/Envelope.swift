// The one JSON object that carries a message on WebSocket `carillon.v1`, NDJSON, long-poll and in
// history.

package import Bytes

/// What a message's payload is, and so how it travels inside JSON.
package enum PayloadKind: UInt8, Sendable {
    /// Valid UTF-8; travels as a JSON string.
    case text
    /// Any bytes; travels as `{"base64":"..."}`.
    case binary
    /// A text that passed ``validateJSON(_:depthMax:)``; travels as it is, on one line.
    case json
}

/// Appends `{"channel":"c","id":"E-12","event":"e","time":1700000000000,"data":...}`, on one line
/// and without an end of line.
///
/// - Parameters:
///   - channel: valid UTF-8; left out when `nil`, where the connection has one channel only.
///   - event: valid UTF-8; left out when `nil`.
///   - timeMilliseconds: since 1970; left out when 0.
///   - payload: what `kind` promises; JSON is never empty.
package func appendEnvelope(
    channel: [UInt8]?, epoch: Epoch, sequence: UInt64, event: [UInt8]?, timeMilliseconds: UInt64,
    kind: PayloadKind, payload: Span<UInt8>, to buffer: ByteBuffer
) {
    buffer.reserve(payload.count + 160)
    if let channel {
        buffer.append(#"{"channel":"#)
        appendJSONString(channel.span, to: buffer)
        buffer.append(#","id":""#)
    } else {
        buffer.append(#"{"id":""#)
    }
    appendMessageID(epoch: epoch, sequence: sequence, to: buffer)
    buffer.append(UInt8(ascii: "\""))
    if let event {
        buffer.append(#","event":"#)
        appendJSONString(event.span, to: buffer)
    }
    if timeMilliseconds != 0 {
        buffer.append(#","time":"#)
        buffer.append(decimal: timeMilliseconds)
    }
    buffer.append(#","data":"#)
    appendPayload(payload, kind: kind, to: buffer)
    buffer.append(UInt8(ascii: "}"))
}

/// Appends a payload as the JSON value that stands for it.
package func appendPayload(_ payload: Span<UInt8>, kind: PayloadKind, to buffer: ByteBuffer) {
    switch kind {
    case .text:
        appendJSONString(payload, to: buffer)
    case .binary:
        buffer.append(#"{"base64":""#)
        appendBase64(payload, to: buffer)
        buffer.append(#""}"#)
    case .json:
        assert(!payload.isEmpty, "an empty text is not JSON")
        appendJSONText(payload, to: buffer)
    }
}
