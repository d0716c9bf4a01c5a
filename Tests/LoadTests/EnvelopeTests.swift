// Objects, events and answers around messages, fed at every split point.

import Testing

@testable import carillon_bench

@Suite struct EnvelopeTests {
    /// What a unit says, kept beyond its buffer.
    struct Seen: Equatable {
        var kind: carillon_bench.Unit.Kind
        var channel = ""
        var id = ""
        var data = ""
    }

    static let object = #"{"channel":"b-7","id":"e-1","time":17,"data":"one"}"#

    static func seen(_ bytes: [UInt8], split: Int, _ next: CodecTests.Decoder) -> [Seen] {
        var found: [Seen] = []
        CodecTests.feed(bytes, split: split) { buffer, start in
            guard let unit = next(buffer, start) else { return nil }
            let data = unit.kind == .message ? text(unit.payload) : ""
            found.append(
                Seen(
                    kind: unit.kind, channel: text(unit.channel), id: text(unit.id), data: data))
            return unit.end
        }
        return found
    }

    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    @Test func `lines of objects split at every byte give the same`() {
        let lines = [
            Self.object, "", #"{"gap":{"channel":"b"}}"#, #"{"error":{"code":"busy"},"ref":1}"#,
            #"{"ok":0,"channel":"b-7","id":"e-0"}"#,
            #"{"channel":"b-8","id":"e-2","event":"x","time":1,"data":"two"}"#,
        ]
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        for split in 0...bytes.count {
            let seen = Self.seen(bytes, split: split) { EnvelopeLines.next(in: $0, at: $1) }
            #expect(
                seen == [
                    Seen(kind: .message, channel: "b-7", id: "e-1", data: "one"),
                    Seen(kind: .other), Seen(kind: .gap), Seen(kind: .refusal), Seen(kind: .done),
                    Seen(kind: .message, channel: "b-8", id: "e-2", data: "two"),
                ], "split at \(split)")
        }
    }

    @Test func `events split at every byte give the same`() {
        let text =
            "retry: 2000\n\nid: e-0\n\nid: e-1\ndata: one\n\n: beat\n\n"
            + "event: gap\ndata: {\"gap\":{}}\n\nid:e-2\r\ndata:two\r\n\r\n"
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            let seen = Self.seen(bytes, split: split) { Events.next(in: $0, at: $1) }
            #expect(
                seen == [
                    Seen(kind: .other), Seen(kind: .other, id: "e-0"),
                    Seen(kind: .message, id: "e-1", data: "one"), Seen(kind: .other),
                    Seen(kind: .gap), Seen(kind: .message, id: "e-2", data: "two"),
                ], "split at \(split)")
        }
    }

    @Test(arguments: [
        #"{"channel":"b-7","id":"e-1","data":{"base64":"AA"}}"#, #"{"channel":"b-7""#,
        #"{"channel":"b-7","id":"e-1","data":"on"#, #"{"channel":""#,
    ])
    func `an object without a whole string for data has no data`(_ object: String) {
        let payload = Array(object.utf8).withUnsafeBytes {
            Self.text(Envelopes.read($0, end: 0).payload)
        }
        #expect(payload == "")
    }

    @Test func `a list gives each of its objects`() {
        let other = #"{"channel":"b-8","id":"e-2","data":"two"}"#
        let bytes = Array(#"{"messages":[\#(Self.object),\#(other)]}"#.utf8)
        let seen = Self.seen(bytes, split: bytes.count) { Envelopes.next(in: $0, at: $1) }
        #expect(
            seen == [
                Seen(kind: .message, channel: "b-7", id: "e-1", data: "one"),
                Seen(kind: .message, channel: "b-8", id: "e-2", data: "two"),
            ])
    }

    @Test func `answers split at every byte are cut at their ends`() {
        let bytes = Array(
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e-1\"\r\n\r\nhello"
                + "HTTP/1.1 204 No Content\r\nCarillon-Gap: true\r\n\r\n"
                + "HTTP/1.1 200 OK\r\ncontent-length: 27\r\n\r\n{\"id\":\"e-1\"}\n{\"error\":{}}\nX")
                .utf8)
        for split in 0...bytes.count {
            var found: [String] = []
            CodecTests.feed(bytes, split: split) { buffer, start in
                guard let answer = HTTPAnswer.next(in: buffer, at: start) else { return nil }
                let marks =
                    (answer.head.tellsGap ? " gap" : "") + (answer.refusesLine ? " refused" : "")
                found.append("\(answer.head.status) \(answer.body.count)\(marks)")
                return answer.end
            }
            #expect(found == ["200 5", "204 0 gap", "200 27 refused"], "split at \(split)")
        }
    }
}
