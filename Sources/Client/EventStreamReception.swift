// Receiving by server-sent events (WHATWG HTML §9.2).

internal import Bytes
internal import Wire

struct EventStreamReception: Reception {
    private let style: RequestStyle
    private var response: ResponseReader
    private var parser: EventStreamParser
    private var isChecked = false

    init(_ style: RequestStyle, _ limits: ClientLimits) {
        self.style = style
        response = ResponseReader(to: .get, bodyBytesMax: .max, limits: limits)
        parser = EventStreamParser(eventBytesMax: limits.messageBytesMax)
    }

    var isAccepted: Bool { response.head != nil }
    var position: [UInt8]? { parser.lastEventID.isEmpty ? nil : parser.lastEventID }
    var retryMilliseconds: UInt64? { parser.retryMilliseconds }

    func appendRequest(after: [UInt8]?, to buffer: ByteBuffer) {
        style.appendFollow(
            [("Accept", "text/event-stream"), ("Cache-Control", "no-cache")], after: after,
            to: buffer)
    }

    mutating func receive(
        _ bytes: Span<UInt8>, replies: ByteBuffer, into batch: inout [Received]
    ) throws(ClientError) -> ReceptionState {
        var body: [UInt8] = []
        _ = try response.receive(bytes, into: &body)
        guard let head = response.head else { return .goesOn }
        // WHATWG HTML §9.2.3: 204 tells a client to stop for good.
        if head.status == 204 { return .ended }
        if !isChecked {
            try require("text/event-stream", head.first("Content-Type"), "an event stream")
            isChecked = true
        }
        var events: [ServerSentEvent] = []
        do throws(EventStreamError) {
            defer { batch += events.compactMap(received) }
            try parser.feed(body.span, into: &events)
        } catch {
            throw .unreadable(error.detail)
        }
        if response.isFinished { throw .closedByServer }
        return .goesOn
    }

    mutating func closed() throws(ClientError) { try response.closed() }
}

/// The gateway's own events are told by name and form together: an event of a message may have any
/// name, and any data. Nil where there is nothing to say: a list of who is there.
private func received(_ event: ServerSentEvent) -> Received? {
    let name = String(decoding: event.type, as: UTF8.self)
    if name == "gap" || name == "token-expiring",
        let object = try? JSONObject(parsing: event.data, depthMax: 2, keysMax: 1),
        let notice = notice(object)
    {
        return notice
    }
    switch name {
    case "join": if let notice = presenceNotice("joined", event.data) { return notice }
    case "leave": if let notice = presenceNotice("left", event.data) { return notice }
    case "presence": if isPresenceList(event.data) { return nil }
    case _: break
    }
    return .message(
        ReceivedMessage(id: event.id, event: name == "message" ? nil : event.type, data: event.data)
    )
}

/// `{"channel":c,"users":{…},"anonymous":n}`
private func isPresenceList(_ data: [UInt8]) -> Bool {
    guard let object = try? JSONObject(parsing: data, depthMax: 2, keysMax: 3) else { return false }
    return object.kind("channel") == .string && object.kind("users") == .object
        && object.kind("anonymous") == .number
}
