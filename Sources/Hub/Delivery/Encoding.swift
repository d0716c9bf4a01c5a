// The forms in which one message leaves the gateway. Each is framed once per loop and turn.

internal import Bytes
internal import Ring
internal import Wire
internal import Deflate

/// A form of delivery together with its compression: all connections with the same encoding get the
/// same bytes.
struct Encoding: Equatable {
    enum Form: UInt8 {
        /// A WebSocket frame with the message's bytes and nothing else.
        case rawFrame
        /// A WebSocket text frame with the envelope: `carillon.v1`.
        case envelopeFrame
        /// A server-sent event with the message as `data`.
        case event
        /// A server-sent event with the envelope as `data`: several channels on one connection.
        case envelopeEvent
        /// The envelope and a line feed.
        case line
        /// A comma and the envelope: an element of a long-poll's answer.
        case element
        /// Bytes made for one connection: responses, control frames, what is caught up.
        case direct
    }

    /// Forms times the eight compressions (none, 9…15 window bits).
    static let count = 7 * 8

    let index: UInt8

    init(_ form: Form, windowBits: Int = 0) {
        index = form.rawValue * 8 + UInt8(windowBits == 0 ? 0 : windowBits - 8)
    }

    static let direct = Encoding(.direct)

    var form: Form {
        guard let form = Form(rawValue: index / 8) else { preconditionFailure("encoding \(index)") }
        return form
    }

    /// 0 when uncompressed, else 9…15.
    var windowBits: Int { index % 8 == 0 ? 0 : Int(index % 8) + 8 }

    var isWebSocket: Bool { form == .rawFrame || form == .envelopeFrame }
}

/// Frames messages. Owns the compressors, one per window size, since the agreement with every
/// client is that no context is carried from one message to the next (RFC 7692 §7.1.1).
struct Encoder {
    let epoch: Epoch
    private let epochBytes: [UInt8]
    private var deflaters = [Deflater?](repeating: nil, count: 16)
    let scratch = ByteBuffer()
    private let compressed = ByteBuffer()
    /// A message below this many bytes is sent as it is: it would hardly shrink.
    private static let compressBytesMin = 64
    static let scratchBytesKept = 256 << 10

    init(epoch: Epoch) {
        self.epoch = epoch
        epochBytes = epoch.bytes
    }

    /// Appends `message` in the form of `encoding`.
    mutating func append(
        _ message: Message, sequence: UInt64, as encoding: Encoding, to output: ByteBuffer
    ) {
        if message.kind.isNotice { return appendNotice(message, as: encoding, to: output) }
        let payload = message.payload
        switch encoding.form {
        case .rawFrame:
            let opcode: WebSocketOpcode = message.kind == .binary ? .binary : .text
            appendFrame(opcode, payload.span, encoding.windowBits, to: output)
        case .envelopeFrame:
            scratch.removeAll(keeping: Encoder.scratchBytesKept)
            appendEnvelope(message, sequence, to: scratch)
            let windowBits = encoding.windowBits
            let text = scratch
            text.withSpan { span in appendFrame(.text, span, windowBits, to: output) }
        case .event:
            appendEvent(message, sequence, to: output)
        case .envelopeEvent:
            scratch.removeAll(keeping: Encoder.scratchBytesKept)
            appendEnvelope(message, sequence, to: scratch)
            scratch.withSpan {
                ServerSentEvents.append(
                    id: (epochBytes, sequence), event: message.event, data: $0, to: output)
            }
        case .line:
            appendEnvelope(message, sequence, to: output)
            output.append(0x0A)
        case .element:
            output.append(0x2C)
            appendEnvelope(message, sequence, to: output)
        case .direct:
            preconditionFailure("a message has no direct form")
        }
    }

    /// A text frame for one connection, compressed as agreed with it.
    mutating func appendText(_ text: Span<UInt8>, windowBits: Int, to output: ByteBuffer) {
        appendFrame(.text, text, windowBits, to: output)
    }

    private func appendEnvelope(_ message: Message, _ sequence: UInt64, to output: ByteBuffer) {
        let payload = message.payload
        Wire.appendEnvelope(
            channel: message.channel.bytes, epoch: epoch, sequence: sequence, event: message.event,
            timeMilliseconds: message.timeMilliseconds, kind: message.kind.payloadKind,
            payload: payload.span, to: output)
    }

    private func appendEvent(_ message: Message, _ sequence: UInt64, to output: ByteBuffer) {
        let payload = message.payload
        guard message.kind == .binary else {
            ServerSentEvents.append(
                id: (epochBytes, sequence), event: message.event, data: payload.span,
                to: output)
            return
        }
        // An event stream is UTF-8 (WHATWG HTML §9.2.1), so bytes travel as they do in JSON.
        scratch.removeAll(keeping: Encoder.scratchBytesKept)
        scratch.append("{\"base64\":\"")
        appendBase64(payload.span, to: scratch)
        scratch.append("\"}")
        scratch.withSpan {
            ServerSentEvents.append(
                id: (epochBytes, sequence), event: message.event, data: $0, to: output)
        }
    }

    private mutating func appendFrame(
        _ opcode: WebSocketOpcode, _ payload: Span<UInt8>, _ windowBits: Int, to output: ByteBuffer
    ) {
        guard windowBits > 0, payload.count >= Encoder.compressBytesMin else {
            WebSocketEncoder.appendFrame(opcode, payload: payload, to: output)
            return
        }
        compressed.removeAll(keeping: Encoder.scratchBytesKept)
        deflater(windowBits).compressMessage(payload, to: compressed)
        guard compressed.count < payload.count else {
            WebSocketEncoder.appendFrame(opcode, payload: payload, to: output)
            return
        }
        compressed.withSpan {
            WebSocketEncoder.appendFrame(opcode, compressed: true, payload: $0, to: output)
        }
    }

    private mutating func deflater(_ windowBits: Int) -> Deflater {
        if let made = deflaters[windowBits] { return made }
        let made = Deflater(windowBits: windowBits)
        deflaters[windowBits] = made
        return made
    }
}

extension Message.Kind {
    var payloadKind: PayloadKind {
        switch self {
        case .text, .join, .leave: .text
        case .binary: .binary
        case .json, .presence: .json
        }
    }
}
