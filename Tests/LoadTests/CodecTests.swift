// The generator's decoders, each fed at every split point: what they do not see, it cannot count.

import Testing

@testable import carillon_bench

@Suite struct CodecTests {
    typealias Decoder = (UnsafeRawBufferPointer, Int) -> Unit?

    /// The messages of `bytes`, fed in two parts.
    static func messages(_ bytes: [UInt8], split: Int, _ next: Decoder) -> [String] {
        var found: [String] = []
        feed(bytes, split: split) { buffer, start in
            let unit = next(buffer, start)
            if let unit, unit.kind == .message {
                found.append(String(decoding: unit.payload, as: UTF8.self))
            }
            return unit?.end
        }
        return found
    }

    /// Feeds `bytes` in two parts, as the reading side does.
    ///
    /// - Parameter take: takes the next whole thing from where the last one ended, and answers where
    ///   it ends; nil: there is none.
    static func feed(
        _ bytes: [UInt8], split: Int, _ take: (UnsafeRawBufferPointer, Int) -> Int?
    ) {
        var rest: [UInt8] = []
        for part in [bytes[..<split], bytes[split...]] {
            let whole = rest + part
            var start = 0
            whole.withUnsafeBytes { buffer in
                while let end = take(buffer, start) { start = end }
            }
            rest = Array(whole[start...])
        }
    }

    /// An unmasked server frame.
    static func frame(_ text: String, first: UInt8 = 0x81) -> [UInt8] {
        let payload = Array(text.utf8)
        if payload.count < 126 { return [first, UInt8(payload.count)] + payload }
        return [first, 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
    }

    @Test func `frames split at every byte give the same messages`() {
        let long = String(repeating: "x", count: 126)
        let bytes =
            Self.frame("one") + Self.frame("beat", first: 0x89) + Self.frame(long)
            + Self.frame(String(repeating: "y", count: 125))
        let expected = ["one", long, String(repeating: "y", count: 125)]
        for split in 0...bytes.count {
            let found = Self.messages(bytes, split: split) { WebSocketFrames.next(in: $0, at: $1) }
            #expect(found == expected, "split at \(split)")
        }
    }

    @Test(
        arguments: [
            (0x81, Unit.Kind.message), (0x82, .message), (0x89, .ping), (0x8a, .other),
            (0x88, .close), (0x01, .unreadable), (0xc1, .unreadable), (0x80, .unreadable),
        ] as [(UInt8, Unit.Kind)])
    func `each first byte of a frame has its kind`(_ first: UInt8, _ kind: Unit.Kind) {
        let bytes = Self.frame("abc", first: first)
        let found = bytes.withUnsafeBytes { WebSocketFrames.next(in: $0, at: 0)?.kind }
        #expect(found == kind)
    }

    @Test func `a masked server frame is unreadable`() {
        let found = [UInt8](arrayLiteral: 0x81, 0x83, 0, 0, 0, 0, 1, 2, 3).withUnsafeBytes {
            WebSocketFrames.next(in: $0, at: 0)?.kind
        }
        #expect(found == .unreadable)
    }

    @Test(
        arguments: [
            ([], "no code"), ([0x03], "no code"), ([0x03, 0xf5], "code 1013"),
            ([0x03, 0xf5, 0x68, 0x69], "code 1013, hi"),
        ] as [([UInt8], String)])
    func `a close frame says why`(_ payload: [UInt8], _ words: String) {
        #expect(payload.withUnsafeBytes { WebSocketFrames.closing($0) } == words)
    }

    @Test(arguments: [(125, 6), (126, 8), (65_535, 8), (65_536, 14)])
    func `a client frame has the shortest head for its size`(_ count: Int, _ head: Int) {
        var frames: [UInt8] = []
        let payload = [UInt8](repeating: 0x61, count: count)
        payload.withUnsafeBytes {
            WebSocketFrames.append($0, first: 0x81, mask: 0x0403_0201, to: &frames)
        }
        #expect(frames.count == head + count)
        #expect(frames[1] & 0x80 == 0x80)
        #expect(Array(frames[(head - 4)..<head]) == [1, 2, 3, 4])
        let unmasked = (0..<count).allSatisfy { frames[head + $0] ^ UInt8($0 & 3 + 1) == 0x61 }
        #expect(unmasked)
    }

    @Test func `event stream lines split at every byte give the same messages`() {
        let text = "retry: 1000\n\nid: e-1\ndata: one\n\n: beat\n\nevent: x\r\ndata:two\r\n\r\n"
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            let found = Self.messages(bytes, split: split) { EventStreamLines.next(in: $0, at: $1) }
            #expect(found == ["one", "two"], "split at \(split)")
        }
    }

    @Test func `JSON lines split at every byte give the same messages`() {
        let text =
            #"{"channel":"c","id":"e-1","data":"one"}"# + "\n\n"
            + #"{"gap":true}"# + "\n" + #"{"data":"two","id":"e-2"}"# + "\n"
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            let found = Self.messages(bytes, split: split) { JSONLines.next(in: $0, at: $1) }
            #expect(found == ["one", "two"], "split at \(split)")
        }
    }

    @Test func `a chunked body split at every byte gives the same bytes`() throws {
        let bytes = Array("3\r\nabc\r\n0A;x=y\r\n0123456789\r\n1\r\nz\r\n0\r\n\r\n".utf8)
        for split in 0...bytes.count {
            var body = ChunkedBody()
            var text: [UInt8] = []
            for part in [bytes[..<split], bytes[split...]] {
                var part = Array(part)
                let count = part.withUnsafeMutableBytes { body.strip($0) }
                text += part[..<(try #require(count))]
            }
            #expect(String(decoding: text, as: UTF8.self) == "abc0123456789z", "split at \(split)")
        }
    }

    @Test func `a chunk's size that is no number is refused`() {
        var body = ChunkedBody()
        var bytes = Array("xyz\r\n".utf8)
        let count = bytes.withUnsafeMutableBytes { body.strip($0) }
        #expect(count == nil)
    }

    @Test func `a head gives status, key and body's place, and nothing before its end`() throws {
        let bytes = Array(
            """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
            Transfer-Encoding: chunked\r
            Content-Length: 12\r
            ETag: "e-7"\r
            \r
            rest
            """.utf8)
        let parsed = bytes.withUnsafeBytes { ResponseHead.parse($0) }
        let head = try #require(parsed)
        #expect(head.status == 101 && head.acceptsKey && head.isChunked)
        #expect(head.contentLength == 12 && head.etag == "\"e-7\"" && head.end == bytes.count - 4)
        for count in 0..<head.end {
            let early = bytes[..<count].withUnsafeBytes { ResponseHead.parse($0)?.end }
            #expect(early == nil)
        }
    }

    @Test func `a poll's answer gives each message of its list`() {
        let text = #"{"messages":[{"id":"e-1","data":"one"},{"id":"e-2","data":"two"}]}"#
        var found: [String] = []
        Array(text.utf8).withUnsafeBytes {
            LongPoll.messages(in: $0, of: .carillon) {
                found.append(String(decoding: $0, as: UTF8.self))
            }
        }
        #expect(found == ["one", "two"])
    }
}
