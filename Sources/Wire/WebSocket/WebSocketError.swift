// Every way a peer can break the WebSocket protocol, and what it is told when it does.

/// A rule broken by the peer. The connection answers with a close frame of ``closeCode`` and
/// ``detail``, then closes (RFC 6455 §7.1.7).
package enum WebSocketError: Error, Equatable {
    /// RFC 6455 §5.2: RSV1–RSV3 are zero unless negotiated. The three bits, RSV1 highest: 1…7.
    ///
    /// With permessage-deflate RSV1 may be set on the first frame of a message only (RFC 7692 §6).
    case reservedBits(UInt8)
    /// RFC 6455 §5.2: opcodes 3–7 and 11–15.
    case reservedOpcode(UInt8)
    /// RFC 6455 §5.1: a client masks every frame.
    case unmaskedClientFrame
    /// RFC 6455 §5.1: a server masks none.
    case maskedServerFrame
    /// RFC 6455 §5.5: a control frame carries at most 125 bytes.
    case controlFrameTooLong
    /// RFC 6455 §5.5: a control frame is never fragmented.
    case fragmentedControlFrame
    /// RFC 6455 §5.4: a continuation frame with no message to continue.
    case continuationWithoutStart
    /// RFC 6455 §5.4: a text or binary frame while a fragmented message is unfinished.
    case messageInsideMessage
    /// RFC 6455 §5.2: a length is written in the fewest bytes that hold it.
    case lengthNotMinimal(UInt64)
    /// RFC 6455 §5.2: the highest bit of a 64-bit length is zero.
    case lengthTopBitSet
    /// RFC 6455 §7.4.1 (1009): the bytes of a message, over all its fragments so far.
    case messageTooLarge(limit: Int, measured: Int)
    /// The same once inflated; `limit` bytes came out and more was to follow.
    case inflatedMessageTooLarge(limit: Int)
    /// RFC 6455 §8.1: text, and the reason of a close, are UTF-8.
    case invalidUTF8
    /// RFC 6455 §5.5.1: the payload of a close is empty or starts with a two-byte code.
    case closePayloadOfOneByte
    /// RFC 6455 §7.4: a code that may not stand in a frame.
    case invalidCloseCode(UInt16)
    /// RFC 7692 §7.2.2: the payload is no DEFLATE data.
    case corruptCompressedData

    /// The code of the close frame that answers it, RFC 6455 §7.4.1.
    package var closeCode: UInt16 {
        switch self {
        case .reservedBits, .reservedOpcode, .unmaskedClientFrame, .maskedServerFrame,
            .controlFrameTooLong, .fragmentedControlFrame, .continuationWithoutStart,
            .messageInsideMessage, .lengthNotMinimal, .lengthTopBitSet, .closePayloadOfOneByte,
            .invalidCloseCode:
            WebSocketCloseCode.protocolError
        case .invalidUTF8, .corruptCompressedData:
            WebSocketCloseCode.invalidPayload
        case .messageTooLarge, .inflatedMessageTooLarge:
            WebSocketCloseCode.messageTooBig
        }
    }

    /// One line for the close frame and the log, ASCII, at most 123 bytes.
    package var detail: String {
        switch self {
        case .reservedBits(let bits): "reserved bits \(bits) are set (RSV1 is 4)"
        case .reservedOpcode(let opcode): "opcode \(opcode) is reserved"
        case .unmaskedClientFrame: "a client must mask its frames"
        case .maskedServerFrame: "a server must not mask its frames"
        case .controlFrameTooLong: "a control frame may carry 125 bytes, not more"
        case .fragmentedControlFrame: "a control frame may not be fragmented"
        case .continuationWithoutStart: "continuation without a message to continue"
        case .messageInsideMessage: "new message before the fragmented one ended"
        case .lengthNotMinimal(let length): "length \(length) is not in its shortest form"
        case .lengthTopBitSet: "the top bit of a 64-bit length is set"
        case .messageTooLarge(let limit, let measured):
            "message of at least \(measured) bytes, limit is \(limit)"
        case .inflatedMessageTooLarge(let limit): "inflated message is above \(limit) bytes"
        case .invalidUTF8: "invalid UTF-8"
        case .closePayloadOfOneByte: "a close frame carries no payload or at least 2 bytes, not 1"
        case .invalidCloseCode(let code): "close code \(code) may not be sent"
        case .corruptCompressedData: "corrupt compressed data"
        }
    }
}
