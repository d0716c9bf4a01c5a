// The forms of joins, leaves and lists of who is there.

internal import Bytes
internal import Ring
internal import Wire

extension Encoding.Form {
    /// Whether a subscriber in this form begins with a list of who is there. A raw WebSocket has no
    /// way to tell it from a message; a long-poll would get it again and again.
    var showsPresence: Bool {
        switch self {
        case .envelopeFrame, .event, .envelopeEvent, .line: true
        case .rawFrame, .element, .direct: false
        }
    }
}

extension Encoder {
    /// Appends a notice in the form of `encoding`; nothing in a form that is a message's bytes
    /// alone.
    mutating func appendNotice(
        _ notice: Message, as encoding: Encoding, to output: ByteBuffer
    ) {
        let name = notice.kind.noticeName
        switch encoding.form {
        case .rawFrame: break
        case .envelopeFrame:
            let text = cleared()
            appendObject(notice, name, to: text)
            text.withSpan { appendText($0, windowBits: encoding.windowBits, to: output) }
        case .event, .envelopeEvent:
            let text = cleared()
            appendBody(notice, to: text)
            // Without an id: to resume after the last message's is right whatever notices came
            // since, and stays right when a durable history, which has no notices, outlives us.
            text.withSpan {
                ServerSentEvents.append(id: nil, event: Array(name.utf8), data: $0, to: output)
            }
        case .line:
            appendObject(notice, name, to: output)
            output.append(0x0A)
        case .element:
            output.append(0x2C)
            appendObject(notice, name, to: output)
        case .direct:
            preconditionFailure("a notice has no direct form")
        }
    }

    private func cleared() -> ByteBuffer {
        scratch.removeAll(keeping: Encoder.scratchBytesKept)
        return scratch
    }

    /// `{"join":{"channel":C,"user":U}}`
    private func appendObject(_ notice: Message, _ name: String, to text: ByteBuffer) {
        text.append("{\"")
        text.append(utf8: name)
        text.append("\":")
        appendBody(notice, to: text)
        text.append("}")
    }

    private func appendBody(_ notice: Message, to text: ByteBuffer) {
        guard notice.kind != .presence else {
            text.append(notice.payload)
            return
        }
        let channel = notice.channel.bytes
        let user = notice.payload
        text.append("{\"channel\":")
        appendJSONString(channel.span, to: text)
        text.append(",\"user\":")
        appendJSONString(user.span, to: text)
        text.append("}")
    }
}

extension Message.Kind {
    fileprivate var noticeName: String {
        switch self {
        case .join: "join"
        case .leave: "leave"
        case .presence: "presence"
        case .text, .binary, .json: preconditionFailure("a message is no notice")
        }
    }
}
