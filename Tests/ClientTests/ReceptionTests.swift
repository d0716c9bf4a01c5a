// The four transports, without sockets: scripts of bytes, fed at every cut.

import Bytes
import Signatures
import Testing
import Wire

@testable import Client

@Suite struct ReceptionTests {
    private struct Fed {
        var batch: [Received] = []
        var states: [ReceptionState] = []
        var replies: [UInt8] = []
        var error: ClientError?
        var position: String?
    }

    private static let style = RequestStyle(
        url: try! ServerURL("http://h/channels/a"), key: "secret")

    /// Feeds a script in two pieces, and closes where `closes`.
    private func feed(
        _ transport: Transport, after: String? = nil, cutAt cut: Int,
        limits: ClientLimits = ClientLimits(), closes: Bool = false,
        _ script: (_ request: String) -> [UInt8]
    ) -> Fed {
        var reception = transport.reception(Self.style, limits)
        let request = ByteBuffer()
        reception.appendRequest(after: after.map { Array($0.utf8) }, to: request)
        let bytes = script(String(decoding: request.array(), as: UTF8.self))
        var fed = Fed()
        let replies = ByteBuffer()
        do throws(ClientError) {
            for piece in [bytes.prefix(cut), bytes.dropFirst(cut)] where !piece.isEmpty {
                fed.states.append(
                    try reception.receive(piece.span, replies: replies, into: &fed.batch))
            }
            if closes { try reception.closed() }
        } catch {
            fed.error = error
        }
        fed.position = reception.position.map { String(decoding: $0, as: UTF8.self) }
        fed.replies = replies.array()
        return fed
    }

    private func atEveryCut(_ length: Int, _ check: (Int) throws -> Void) rethrows {
        for cut in 0...length { try check(cut) }
    }

    private func texts(_ batch: [Received]) -> [String] {
        batch.map { one in
            switch one {
            case .message(let message):
                String(decoding: message.id + [0x20] + message.payload, as: UTF8.self)
            case .gap(let channel): "gap \(channel ?? "")"
            case .notice(let text): "notice \(text)"
            }
        }
    }

    // MARK: Server-sent events

    private let eventHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"

    @Test func `joins and leaves are told apart from messages with such names`() {
        let text =
            eventHead
            + "event: presence\ndata: {\"channel\":\"a\",\"users\":{\"u\":1},\"anonymous\":2}\n\n"
            + "event: join\ndata: {\"channel\":\"a\",\"user\":\"u\"}\n\n"
            + "event: leave\ndata: {\"channel\":\"a\",\"user\":\"u\"}\n\n"
            + "id: e-1\nevent: join\ndata: the club\n\nid: e-2\nevent: presence\ndata: {}\n\n"
        let fed = feed(.serverSentEvents, cutAt: 0) { _ in Array(text.utf8) }
        #expect(
            texts(fed.batch) == [
                "notice u has joined a", "notice u has left a", "e-1 the club", "e-2 {}",
            ])
        #expect(fed.position == "e-2")
    }

    @Test func `an event stream is read the same at every cut`() {
        let text =
            eventHead + "retry: 2000\n\nid: e-3\n\nid: e-4\ndata: one\n\n:\n\n"
            + "id: e-5\nevent: gap\ndata: of a user\n\nevent: gap\ndata: {\"gap\":{\"channel\":\"a\"}}\n\n"
            + "id: e-6\ndata: a\ndata: b\n\nid: e-7\ndata: not ended"
        atEveryCut(text.utf8.count) { cut in
            let fed = feed(.serverSentEvents, cutAt: cut) { _ in Array(text.utf8) }
            #expect(fed.error == nil)
            #expect(texts(fed.batch) == ["e-4 one", "e-5 of a user", "gap a", "e-6 a\nb"])
            #expect(fed.position == "e-6")
        }
    }

    @Test func `what came before an event too long counts`() {
        var limits = ClientLimits()
        limits.messageBytesMax = 20
        let text = eventHead + "id: e-1\ndata: a\n\ndata: \(String(repeating: "x", count: 21))\n\n"
        let fed = feed(.serverSentEvents, cutAt: 0, limits: limits) { _ in Array(text.utf8) }
        #expect(texts(fed.batch) == ["e-1 a"])
        #expect(fed.error == .unreadable("an event of the stream is longer than 20 bytes"))
    }

    // MARK: Lines

    @Test func `a stream of lines is read the same at every cut`() {
        let text = """
            HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nCarillon-Position: e-3\r\n\r\n\
            \n{"id":"e-4","data":"one"}\n\n{"gap":{"channel":"a"}}\n{"id":"e-5","data":[2]}\n{"id
            """
        atEveryCut(text.utf8.count) { cut in
            let fed = feed(.stream, cutAt: cut) { _ in Array(text.utf8) }
            #expect(fed.error == nil)
            #expect(texts(fed.batch) == ["e-4 one", "gap a", "e-5 [2]"])
            #expect(fed.position == "e-5")
        }
    }

    @Test func `the head's position counts from now on only, and not after an id`() {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
            + "Carillon-Position: e-9\r\n\r\n"
        #expect(feed(.stream, cutAt: 0) { _ in Array(text.utf8) }.position == "e-9")
        #expect(feed(.stream, after: "e-1", cutAt: 0) { _ in Array(text.utf8) }.position == nil)
    }

    // MARK: Long-polls

    @Test func `the answer to a poll is read the same at every cut`() {
        let body = #"{"messages":[{"id":"e-4","data":"a,]"},{"id":"e-5","data":{"x":[1]}}]}"#
        let text =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"e-6\"\r\n"
            + "Carillon-Gap: true\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        atEveryCut(text.utf8.count) { cut in
            let fed = feed(.longPoll, after: "e-1", cutAt: cut) { _ in Array(text.utf8) }
            #expect(fed.error == nil)
            #expect(texts(fed.batch) == ["gap ", "e-4 a,]", #"e-5 {"x":[1]}"#])
            #expect(fed.position == "e-6")
            #expect(fed.states.last == .answered(isEmpty: false, keepAlive: true))
        }
    }

    @Test func `an empty answer gives the id to go on from`() {
        let text = "HTTP/1.1 204 No Content\r\nETag: W/\"e-6\"\r\nConnection: close\r\n\r\n"
        let fed = feed(.longPoll, after: "e-1", cutAt: 0) { _ in Array(text.utf8) }
        #expect(fed.position == "e-6")
        #expect(fed.states == [.answered(isEmpty: true, keepAlive: false)])
    }

    @Test(arguments: ["[]", "{}", #"{"messages":{}}"#, #"{"messages":["x"]}"#])
    func `an answer without messages is refused`(_ body: String) {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let fed = feed(.longPoll, after: "e-1", cutAt: 0) { _ in Array(text.utf8) }
        guard case .unreadable? = fed.error else {
            Issue.record("\(body): \(String(describing: fed.error))")
            return
        }
    }

    // MARK: WebSocket

    /// The server's handshake for a request, with some fields replaced.
    private func handshake(
        _ request: String, accept: String? = nil, subprotocol: String = "carillon.v1",
        more: String = ""
    ) -> [UInt8] {
        let line = request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }
        let key = Array(line!.dropFirst(19).utf8)
        let input = WebSocketHandshake.bytesToHash(key: key.span)!
        let digest = sha1(input.span)
        let own = base64(digest.span)
        return Array(
            """
            HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: \(accept ?? own)\r\nSec-WebSocket-Protocol: \(subprotocol)\r\n\
            \(more)\r\n
            """.utf8)
    }

    private func frames(_ write: (ByteBuffer) -> Void) -> [UInt8] {
        let buffer = ByteBuffer()
        write(buffer)
        return buffer.array()
    }

    private func text(_ text: String, to buffer: ByteBuffer) {
        WebSocketEncoder.appendFrame(.text, payload: Array(text.utf8).span, to: buffer)
    }

    /// What the client sent, as a server decodes it.
    private func decoded(_ bytes: [UInt8]) throws -> [WebSocketDecoder.Event] {
        var decoder = WebSocketDecoder(role: .server, messageBytesMax: 1000, compression: false)
        var offset = 0
        var events: [WebSocketDecoder.Event] = []
        while let event = try decoder.next(bytes.span, from: &offset) { events.append(event) }
        return events
    }

    @Test func `a WebSocket is read the same at every cut`() throws {
        let frames = frames { buffer in
            text(#"{"ok":1,"channel":"a","id":"e-3"}"#, to: buffer)
            text(#"{"id":"e-4","data":"one"}"#, to: buffer)
            WebSocketEncoder.appendFrame(.ping, payload: [7].span, to: buffer)
            text(#"{"gap":{"channel":"a"}}"#, to: buffer)
            text(#"{"id":"e-5","data":2}"#, to: buffer)
        }
        let ask = #"{"op":"subscribe","ref":1,"channel":"a"}"#
        try atEveryCut(180 + frames.count) { cut in
            let fed = feed(.webSocket, cutAt: cut) { handshake($0) + frames }
            #expect(fed.error == nil)
            #expect(texts(fed.batch) == ["e-4 one", "gap a", "e-5 2"])
            #expect(fed.position == "e-5")
            let sent = try decoded(fed.replies)
            #expect(
                sent == [
                    .message(text: true, payload: Array(ask.utf8), compressed: false), .pong([7]),
                ])
        }
    }

    @Test func `after an id, no position is asked for`() throws {
        let fed = feed(.webSocket, after: "e-1", cutAt: 0) { handshake($0) }
        #expect(fed.error == nil && fed.replies.isEmpty)
    }

    @Test func `a handshake that is not for us is refused`() {
        let wrong = [
            feed(.webSocket, cutAt: 0) { handshake($0, accept: "AAAA") },
            feed(.webSocket, cutAt: 0) { handshake($0, subprotocol: "other") },
            feed(.webSocket, cutAt: 0) {
                handshake($0, more: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            },
            feed(.webSocket, cutAt: 0) { _ in
                Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
            },
        ]
        for fed in wrong {
            guard case .unexpectedAnswer? = fed.error else {
                Issue.record("accepted: \(String(describing: fed.error))")
                continue
            }
        }
    }

    @Test func `a normal close ends, and another is an error with its code`() {
        func closing(_ code: UInt16?) -> Fed {
            let close = frames {
                WebSocketEncoder.appendClose(code: code, reason: code == nil ? "" : "why", to: $0)
            }
            return feed(.webSocket, cutAt: 0) { handshake($0) + close }
        }
        #expect(closing(1000).states == [.ended])
        #expect(closing(1012).error == .webSocketClosed(code: 1012, reason: "why"))
        #expect(closing(nil).error == .webSocketClosed(code: nil, reason: ""))
    }

    @Test func `a frame that breaks a rule is an error`() {
        let masked = frames {
            WebSocketEncoder.appendMaskedFrame(.text, payload: [0x7B].span, key: 1, to: $0)
        }
        let fed = feed(.webSocket, cutAt: 0) { handshake($0) + masked }
        #expect(fed.error == .webSocket(.maskedServerFrame))
    }

    // MARK: All of them

    @Test(arguments: Transport.allCases)
    func `a request carries key and id`(_ transport: Transport) {
        _ = feed(transport, after: "e-1", cutAt: 0) { request in
            #expect(request.hasPrefix("GET /channels/a HTTP/1.1\r\nHost: h\r\n"))
            #expect(request.contains("\r\nAuthorization: Bearer secret\r\n"))
            #expect(request.contains("\r\nLast-Event-ID: e-1\r\n"))
            return []
        }
        _ = feed(transport, cutAt: 0) { request in
            #expect(!request.contains("Last-Event-ID"))
            return []
        }
    }

    @Test(arguments: Transport.allCases)
    func `a refusal is told on every transport`(_ transport: Transport) {
        let body = #"{"detail":"no key"}"#
        let text =
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let fed = feed(transport, cutAt: 9) { _ in Array(text.utf8) }
        #expect(fed.error == .refused(status: 401, detail: "no key", retryAfterSeconds: nil))
    }

    @Test(arguments: [Transport.serverSentEvents, .stream, .longPoll])
    func `a page is not taken for a stream`(_ transport: Transport) {
        let text = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\npage"
        guard case .unexpectedAnswer? = feed(transport, cutAt: 0, { _ in Array(text.utf8) }).error
        else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: [Transport.serverSentEvents, .stream])
    func `204 ends a stream for good`(_ transport: Transport) {
        let text = "HTTP/1.1 204 No Content\r\n\r\n"
        #expect(feed(transport, cutAt: 0) { _ in Array(text.utf8) }.states == [.ended])
    }
}
