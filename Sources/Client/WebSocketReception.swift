// Receiving by WebSocket (RFC 6455) with the subprotocol carillon.v1.

internal import Bytes
internal import Signatures
internal import Wire

struct WebSocketReception: Reception {
    private let style: RequestStyle
    /// `Sec-WebSocket-Key`: the base64 of 16 random bytes (RFC 6455 §4.1).
    private let key: String
    private var response: ResponseReader
    private var decoder: WebSocketDecoder
    private var asksForPosition = false
    private(set) var isAccepted = false
    private(set) var position: [UInt8]?

    init(_ style: RequestStyle, _ limits: ClientLimits) {
        self.style = style
        key = base64(randomBytes(16).span)
        response = ResponseReader(to: .get, bodyBytesMax: 0, limits: limits)
        decoder = WebSocketDecoder(
            role: .client, messageBytesMax: limits.messageBytesMax, compression: false)
    }

    mutating func appendRequest(after: [UInt8]?, to buffer: ByteBuffer) {
        asksForPosition = after == nil
        style.appendFollow(
            [
                ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", .string(key)), ("Sec-WebSocket-Protocol", "carillon.v1"),
            ], after: after, upgrading: true, to: buffer)
    }

    mutating func receive(
        _ bytes: Span<UInt8>, replies: ByteBuffer, into batch: inout [Received]
    ) throws(ClientError) -> ReceptionState {
        var offset = 0
        if !isAccepted {
            var body: [UInt8] = []
            offset = try response.receive(bytes, into: &body)
            guard let head = response.head else { return .goesOn }
            try check(head)
            isAccepted = true
            if asksForPosition { askForPosition(replies) }
        }
        while let event = try next(bytes, from: &offset) {
            let state = try take(event, replies, into: &batch)
            if state != .goesOn { return state }
        }
        return .goesOn
    }

    private mutating func next(
        _ bytes: Span<UInt8>, from offset: inout Int
    ) throws(ClientError) -> WebSocketDecoder.Event? {
        do throws(WebSocketError) {
            return try decoder.next(bytes, from: &offset)
        } catch {
            throw .webSocket(error)
        }
    }

    /// RFC 6455 §4.1: what a client has to see in the server's handshake.
    private func check(_ head: ResponseHead) throws(ClientError) {
        guard head.status == 101 else {
            throw .unexpectedAnswer("the server answered \(head.status) and opened no WebSocket")
        }
        guard head.listContains("Upgrade", token: "websocket"),
            head.listContains("Connection", token: "upgrade"),
            let input = WebSocketHandshake.bytesToHash(key: key.utf8.span),
            head.values("Sec-WebSocket-Accept") == [base64(sha1(input.span).span)]
        else { throw .unexpectedAnswer("the server's WebSocket handshake is wrong") }
        guard head.first("Sec-WebSocket-Extensions") == nil else {
            throw .unexpectedAnswer("the server uses WebSocket extensions that were not offered")
        }
        guard head.values("Sec-WebSocket-Protocol") == ["carillon.v1"] else {
            throw .unexpectedAnswer("the server does not speak carillon.v1 on this WebSocket")
        }
    }

    /// Subscribes once more to what the URL names: the answer says where "now" is, so that a break
    /// before the first message loses none.
    private func askForPosition(_ replies: ByteBuffer) {
        guard let name = style.url.channelName, isValidUTF8(name.span) else { return }
        let command = ByteBuffer()
        command.append("{\"op\":\"subscribe\",\"ref\":1,\"channel\":")
        appendJSONString(name.span, to: command)
        command.append("}")
        let payload = command.array()
        WebSocketEncoder.appendMaskedFrame(
            .text, payload: payload.span, key: maskingKey(), to: replies)
    }

    private mutating func take(
        _ event: WebSocketDecoder.Event, _ replies: ByteBuffer, into batch: inout [Received]
    ) throws(ClientError) -> ReceptionState {
        switch event {
        case .message(let isText, let payload, _):
            guard isText else {
                throw .unreadable("carillon.v1 has no binary frames, and one came")
            }
            if let one = try received(json: payload, position: &position) { batch.append(one) }
        case .ping(let payload):
            WebSocketEncoder.appendMaskedFrame(
                .pong, payload: payload.span, key: maskingKey(), to: replies)
        case .pong: break
        case .close(let code, let reason):
            if code == WebSocketCloseCode.normal { return .ended }
            throw .webSocketClosed(code: code, reason: String(decoding: reason, as: UTF8.self))
        }
        return .goesOn
    }

    mutating func closed() throws(ClientError) {
        if !isAccepted { try response.closed() }
        throw .closedByServer
    }

    func appendGoodbye(to buffer: ByteBuffer) {
        guard isAccepted else { return }
        WebSocketEncoder.appendMaskedClose(
            code: WebSocketCloseCode.normal, key: maskingKey(), to: buffer)
    }
}

/// Four unpredictable bytes (RFC 6455 §5.3).
private func maskingKey() -> UInt32 { UInt32(truncatingIfNeeded: randomUInt64()) }
