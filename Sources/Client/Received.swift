// What a subscriber is given, whatever the transport, and how the gateway's JSON becomes that.

internal import Bytes
internal import Wire

/// One thing that came from the server.
package enum Received: Sendable, Equatable {
    case message(ReceivedMessage)
    /// Messages are missing before what follows. The channel's name where the server says it.
    case gap(channel: String?)
    /// Something else that the server, or the client itself, has to say.
    case notice(String)
}

/// One message.
package struct ReceivedMessage: Sendable, Equatable {
    /// As the server wrote it; empty if it wrote none.
    package let id: [UInt8]
    package let event: [UInt8]?
    /// The message's own bytes: text without quotes and escapes, binary without base64.
    package let payload: [UInt8]
    /// The envelope as it came, one line; nil where the transport has none (SSE).
    private let verbatim: [UInt8]?

    /// From an event of an event stream.
    init(id: [UInt8], event: [UInt8]?, data: [UInt8]) {
        self.id = id
        self.event = event
        payload = binary(data) ?? data
        verbatim = nil
    }

    /// From `{"id":…,"event"?:…,"data":…}`.
    fileprivate init?(_ object: JSONObject) throws(JSONError) {
        guard let raw = object.raw("data"), let id = try object.utf8("id") else { return nil }
        self.id = id
        event = try object.utf8("event")
        let value = Array(object.bytes[raw])
        switch object.kind("data") {
        case .string: payload = try object.utf8("data") ?? []
        case .object: payload = binary(value) ?? value
        case .number, .array, .bool, .null, nil: payload = value
        }
        verbatim = object.bytes
    }

    /// The message as one JSON object on one line: as the server wrote it, or put together.
    package var envelope: [UInt8] {
        if let verbatim { return verbatim }
        let buffer = ByteBuffer(minimumCapacity: payload.count + 64)
        buffer.append("{\"id\":")
        appendJSONString(repaired(id).span, to: buffer)
        if let event {
            buffer.append(",\"event\":")
            appendJSONString(repaired(event).span, to: buffer)
        }
        buffer.append(",\"data\":")
        if isValidUTF8(payload.span) {
            appendPayload(payload.span, kind: .text, to: buffer)
        } else {
            appendPayload(payload.span, kind: .binary, to: buffer)
        }
        buffer.append("}")
        return buffer.array()
    }
}

/// Levels of nesting read: a message of the gateway's 64 stands inside envelope and answer.
let jsonDepthMax = 128

/// What a line or a text frame of the gateway says; nil where it is only for the client's program.
///
/// - Parameter position: gets the id to go on from, where the text brings one.
func received(
    json bytes: [UInt8], position: inout [UInt8]?
) throws(ClientError) -> Received? {
    do throws(JSONError) {
        let object = try JSONObject(parsing: bytes, depthMax: jsonDepthMax)
        if let message = try ReceivedMessage(object) {
            position = message.id
            return .message(message)
        }
        // The answer to a subscribe command: where "now" was.
        if object.kind("ok") != nil, let id = try object.utf8("id"), position == nil {
            position = id
        }
        return notice(object)
    } catch {
        throw .unreadable(error.detail)
    }
}

/// `{"channel":c,"user":u}`, which says who has come or gone; nil when the JSON is something else.
func presenceNotice(_ verb: String, _ json: [UInt8]) -> Received? {
    guard let object = try? JSONObject(parsing: json, depthMax: 1, keysMax: 2),
        let channel = try? object.string("channel"), let user = try? object.string("user")
    else { return nil }
    return .notice("\(user) has \(verb) \(channel)")
}

/// `{"gap":{"channel":c}}`, `{"expiring":s}`, `{"error":{"code":…,"message":…}}`,
/// `{"join":{"channel":c,"user":u}}`, the same with `leave`, or another one.
func notice(_ object: JSONObject) -> Received? {
    if let raw = object.raw("gap") {
        let inner = try? JSONObject(parsing: Array(object.bytes[raw]), depthMax: jsonDepthMax)
        return .gap(channel: (try? inner?.string("channel")) ?? nil)
    }
    if let seconds = try? object.unsigned("expiring") {
        return .notice("the token expires in \(seconds) s")
    }
    if let raw = object.raw("error") {
        let inner = try? JSONObject(parsing: Array(object.bytes[raw]), depthMax: jsonDepthMax)
        let text = (try? inner?.string("message")) ?? nil
        return .notice("the server reports: \(text ?? "an error")")
    }
    if let raw = object.raw("join") {
        return presenceNotice("joined", Array(object.bytes[raw]))
    }
    if let raw = object.raw("leave") {
        return presenceNotice("left", Array(object.bytes[raw]))
    }
    return nil
}

/// The bytes of `{"base64":"…"}`; nil when the JSON is something else.
private func binary(_ json: [UInt8]) -> [UInt8]? {
    // Most text is not even an object; the parser need not find out.
    guard json.first == UInt8(ascii: "{"),
        let object = try? JSONObject(parsing: json, depthMax: 1, keysMax: 1),
        let text = try? object.utf8("base64")
    else { return nil }
    return try? decodeBase64(text.span)
}

/// Valid UTF-8, as JSON wants it.
private func repaired(_ bytes: [UInt8]) -> [UInt8] {
    Array(String(decoding: bytes, as: UTF8.self).utf8)
}
