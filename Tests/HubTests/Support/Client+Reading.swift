// What a client understands of the bytes that it got.

import Bytes
import Foundation
@testable import Hub
import Testing
import Wire

/// One response.
struct Answer {
    let head: ResponseHead
    let body: [UInt8]

    var status: Int { head.status }
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: [String: Any] { object(body) }

    /// The messages of a long-poll's or the history's answer.
    var messages: [Seen] { elements.filter { $0["data"] != nil }.map { Seen($0) } }

    var elements: [[String: Any]] { json["messages"] as? [[String: Any]] ?? [] }

    /// The id in ETag.
    var tag: String? { head.first("ETag")?.replacingOccurrences(of: "\"", with: "") }
}

/// A message as a client sees it. What a transport does not tell is empty.
struct Seen: Equatable {
    var channel = ""
    var id = ""
    var event: String?
    var data = ""

    init(channel: String = "", id: String = "", event: String? = nil, data: String = "") {
        self.channel = channel
        self.id = id
        self.event = event
        self.data = data
    }

    init(_ envelope: [String: Any]) {
        channel = envelope["channel"] as? String ?? ""
        id = envelope["id"] as? String ?? ""
        event = envelope["event"] as? String
        data = envelope["data"] as? String ?? "\(envelope["data"] ?? "")"
    }
}

func object(_ bytes: [UInt8]) -> [String: Any] {
    let parsed = try? JSONSerialization.jsonObject(with: Data(bytes))
    return parsed as? [String: Any] ?? [:]
}

extension Client {
    /// Takes the next whole response; nil when there is none. Of one that goes on until the
    /// connection ends, and of 101, only the head is taken.
    func answer(to method: HTTPMethod = .get) -> Answer? {
        let rest = Array(output[cursor...])
        var scanner = HTTP1HeadScanner(limits: HTTP1Limits())
        do throws(HTTP1Error) {
            guard let end = try scanner.scan(rest.span) else { return nil }
            let head = try ResponseHead(
                rest.span.extracting(0..<end), to: method, limits: HTTP1Limits())
            var body: [UInt8] = []
            if head.bodyFraming == .untilClose {
                cursor += end
                return Answer(head: head, body: [])
            }
            var decoder = BodyDecoder(
                head.bodyFraming, bodyBytesMax: 1 << 26, limits: HTTP1Limits())
            let (consumed, finished) = try decoder.decode(rest.span, from: end, into: &body)
            guard finished else { return nil }
            cursor += end + consumed
            return Answer(head: head, body: body)
        } catch {
            Issue.record("\(error) in \(String(decoding: rest, as: UTF8.self))")
            cursor = output.count
            return nil
        }
    }

    /// Takes all whole responses.
    func answers(to method: HTTPMethod = .get) -> [Answer] {
        var all: [Answer] = []
        while let next = answer(to: method) { all.append(next) }
        return all
    }

    /// The WebSocket events since the last call.
    func events() -> [WebSocketDecoder.Event] {
        var events: [WebSocketDecoder.Event] = []
        var offset = 0
        let rest = Array(output[cursor...])
        do throws(WebSocketError) {
            while let event = try frames.next(rest.span, from: &offset) { events.append(event) }
        } catch {
            Issue.record("\(error)")
        }
        cursor = output.count
        return events
    }

    /// The texts of the WebSocket messages since the last call; everything else is dropped.
    func texts() -> [String] {
        events().compactMap {
            if case .message(_, let payload, false) = $0 {
                String(decoding: payload, as: UTF8.self)
            } else {
                nil
            }
        }
    }

    /// The events of an event stream since the last call.
    func serverEvents() -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        let rest = Array(output[cursor...])
        do throws(EventStreamError) {
            try stream.feed(rest.span, into: &events)
        } catch {
            Issue.record("\(error)")
        }
        cursor = output.count
        return events
    }

    /// The whole lines since the last call, without the empty ones.
    func lines() -> [[UInt8]] {
        guard let last = output[cursor...].lastIndex(of: 0x0A) else { return [] }
        let lines = output[cursor..<last].split(separator: 0x0A).map { Array($0) }
        cursor = last + 1
        return lines
    }
}

// MARK: - Requests

/// A request without a body.
func request(_ target: String, method: String = "GET", _ fields: [String] = []) -> String {
    "\(method) \(target) HTTP/1.1\r\nHost: h\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
}

func upgrade(_ target: String, _ fields: [String] = []) -> String {
    request(
        target,
        fields: [
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ] + fields)
}

func request(_ target: String, fields: [String]) -> String {
    request(target, method: "GET", fields)
}

func post(_ target: String, _ body: String, _ fields: [String] = []) -> String {
    request(target, method: "POST", ["Content-Length: \(body.utf8.count)"] + fields) + body
}

/// A frame as a client sends it.
func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8], final: Bool = true) -> [UInt8] {
    let buffer = ByteBuffer()
    WebSocketEncoder.appendMaskedFrame(
        opcode, final: final, payload: payload.span, key: 0x1234_5678, to: buffer)
    return buffer.array()
}

func frame(_ text: String) -> [UInt8] { frame(.text, Array(text.utf8)) }

func closeFrame(_ code: UInt16?) -> [UInt8] {
    let buffer = ByteBuffer()
    WebSocketEncoder.appendMaskedClose(code: code, key: 0x1234_5678, to: buffer)
    return buffer.array()
}
