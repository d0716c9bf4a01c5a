import Bytes
import Testing

@testable import Wire

private func event(_ data: String, type: String = "message", id: String = "") -> ServerSentEvent {
    ServerSentEvent(id: Array(id.utf8), type: Array(type.utf8), data: Array(data.utf8))
}

private func events(
    _ parts: [[UInt8]], eventBytesMax: Int = 1000
) throws(EventStreamError) -> [ServerSentEvent] {
    var parser = EventStreamParser(eventBytesMax: eventBytesMax)
    var found: [ServerSentEvent] = []
    for part in parts { try parser.feed(part.span, into: &found) }
    return found
}

private func events(_ text: String) throws(EventStreamError) -> [ServerSentEvent] {
    try events([Array(text.utf8)])
}

@Suite struct EventStreamParserTests {
    static let streams: [(String, [ServerSentEvent])] = [
        ("", []),
        ("data: a\n\n", [event("a")]),
        ("data:a\n\n", [event("a")]),
        ("data:  a\n\n", [event(" a")]),
        ("data\n\n", [event("")]),
        ("data:\n\n", [event("")]),
        ("data\ndata\n\n", [event("\n")]),
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [event("YHOO\n+2\n10")]),
        ("data: a\r\rdata: b\r\n\r\ndata: c\n\n", [event("a"), event("b"), event("c")]),
        ("data: a\r\n\rdata: b\n\r\n", [event("a"), event("b")]),
        ("\u{FEFF}data: a\n\n", [event("a")]),
        ("\u{FEFF}\u{FEFF}data: a\n\n", []),
        ("data: a\n\n\u{FEFF}data: b\n\n", [event("a")]),
        (": comment\n\n:\n\ndata: a\n: in between\ndata: b\n\n", [event("a\nb")]),
        ("event: x\ndata: a\n\ndata: b\n\n", [event("a", type: "x"), event("b")]),
        ("event: x\n\ndata: b\n\n", [event("b")]),
        ("event: x\nevent: y\ndata: a\n\n", [event("a", type: "y")]),
        ("event: x\nevent\ndata: a\n\n", [event("a")]),
        ("id: 1\ndata: a\n\ndata: b\n\n", [event("a", id: "1"), event("b", id: "1")]),
        ("id: 1\n\ndata: b\n\n", [event("b", id: "1")]),
        ("id: 1\ndata: a\n\nid\ndata: b\n\n", [event("a", id: "1"), event("b")]),
        ("id: 1\ndata: a\n\nid: 2\u{0}\ndata: b\n\n", [event("a", id: "1"), event("b", id: "1")]),
        ("DATA: a\n\n", []),
        ("data : a\n\n", []),
        (" data: a\n\n", []),
        ("unknown: a\ndata: b\n\n", [event("b")]),
        ("data: a: b\n\n", [event("a: b")]),
        ("data: a\n", []),
        ("data: a", []),
        ("data: é😀\u{0}\n\n", [event("é😀\u{0}")]),
    ]

    @Test(arguments: streams)
    func `a stream is read as the standard says`(text: String, expected: [ServerSentEvent]) throws {
        #expect(try events(text) == expected)
    }

    @Test(arguments: streams)
    func `a stream split at any two places is read the same`(
        text: String, expected: [ServerSentEvent]
    ) throws {
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let parts = [
                    Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...]),
                ]
                let found = try events(parts)
                if found != expected { Issue.record("split at \(first), \(second): \(found)") }
            }
        }
        #expect(try events(bytes.map { [$0] }) == expected)
    }

    static let retries: [(String, UInt64?)] = [
        ("retry: 10", 10), ("retry:0", 0), ("retry: 007", 7), ("retry: ", nil), ("retry", nil),
        ("retry: 1s", nil), ("retry: -1", nil), ("retry: 1.5", nil), ("retry:  1", nil),
        ("retry: 18446744073709551615", .max), ("retry: 18446744073709551616", nil),
        ("retry: 5\nretry: x", 5),
    ]

    @Test(arguments: retries)
    func `a retry counts when it is digits only`(line: String, value: UInt64?) throws {
        var parser = EventStreamParser(eventBytesMax: 100)
        var found: [ServerSentEvent] = []
        let bytes = Array("\(line)\n\n".utf8)
        try parser.feed(bytes.span, into: &found)
        #expect(parser.retryMilliseconds == value)
        #expect(found.isEmpty)
    }

    @Test func `the last id is that of ended events only`() throws {
        var parser = EventStreamParser(eventBytesMax: 100)
        var found: [ServerSentEvent] = []
        let first = Array("id: 1\ndata: a\n\nid: 2\ndata: b\n".utf8)
        try parser.feed(first.span, into: &found)
        #expect(parser.lastEventID == Array("1".utf8))
        let rest = Array("\n".utf8)
        try parser.feed(rest.span, into: &found)
        #expect(parser.lastEventID == Array("2".utf8))
        let withoutData = Array("id: 3\n\n".utf8)
        try parser.feed(withoutData.span, into: &found)
        #expect(parser.lastEventID == Array("3".utf8))
        #expect(found.count == 2)
    }

    @Test func `an event of the limit is accepted, one byte more refused, at every split`() throws {
        // The type, one line's data with its LF, and the line in work: 1 + 5 + 10 bytes.
        let fits = Array("event:x\ndata:1234\ndata:12345\n\n".utf8)
        let tooLong = Array("event:x\ndata:1234\ndata:123456\n\n".utf8)
        for split in 0...fits.count {
            let parts = [Array(fits[..<split]), Array(fits[split...])]
            let found = try events(parts, eventBytesMax: 16)
            #expect(found == [event("1234\n12345", type: "x")])
        }
        for split in 0...tooLong.count {
            #expect(throws: EventStreamError.eventTooLong(eventBytesMax: 16)) {
                try events([Array(tooLong[..<split]), Array(tooLong[split...])], eventBytesMax: 16)
            }
        }
        #expect(EventStreamError.eventTooLong(eventBytesMax: 16).detail.contains("16 bytes"))
    }

    @Test func `many events do not add up to one limit`() throws {
        let text = String(repeating: "event: abc\ndata: 0123456789\n\n", count: 100)
        #expect(try events([Array(text.utf8)], eventBytesMax: 32).count == 100)
    }

    @Test(arguments: [1, 2, 3, 4, 5])
    func `whatever the line breaks, the lines written are the lines read`(length: Int) throws {
        let alphabet = ["a", " ", ":", "\r", "\n"]
        var count = 1
        for _ in 0..<length { count *= alphabet.count }
        for number in 0..<count {
            var rest = number
            var data = ""
            for _ in 0..<length {
                data.unicodeScalars.append(
                    contentsOf: alphabet[rest % alphabet.count].unicodeScalars)
                rest /= alphabet.count
            }
            let text = streamText(id: (Array("e".utf8), 3), event: "t", data: data)
            let found = try events(text)
            if found != [event(normalized(data), type: "t", id: "e-3")] {
                Issue.record("\(Array(data.utf8)): \(found)")
            }
        }
    }

    @Test(arguments: [UInt64](1...4))
    func `random text is read as it was written, fed in random pieces`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        let buffer = ByteBuffer()
        var expected: [ServerSentEvent] = []
        for sequence in 0..<200 {
            let data = random.text(scalars: Int.random(in: 0..<60, using: &random))
            let bytes = Array(data.utf8)
            ServerSentEvents.append(
                id: (Array("e".utf8), UInt64(sequence)), event: nil, data: bytes.span, to: buffer)
            ServerSentEvents.append(comment: "", to: buffer)
            expected.append(event(normalized(data), id: "e-\(sequence)"))
        }
        let stream = buffer.array()
        var parts: [[UInt8]] = []
        var at = 0
        while at < stream.count {
            let end = min(stream.count, at + Int.random(in: 0..<40, using: &random))
            parts.append(Array(stream[at..<end]))
            at = end
        }
        #expect(try events(parts) == expected, "seed \(seed)")
    }

    @Test(arguments: [UInt64](1...4))
    func `random streams never trap, and splits do not change them`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        let pieces = [
            "data", "event", "id", "retry", ":", " ", "\r", "\n", "\u{0}", "1", "x", "\u{FEFF}",
            "data: ", "\n\n",
        ]
        for _ in 0..<500 {
            let text = (0..<30).map { _ in pieces.randomElement(using: &random)! }
            let bytes = text.flatMap { Array($0.utf8) }
            let whole = try events([bytes])
            #expect(try events(bytes.map { [$0] }) == whole, "seed \(seed): \(bytes)")
        }
    }

    /// Each CR, LF and CRLF as LF.
    private func normalized(_ data: String) -> String {
        var text = String.UnicodeScalarView()
        var afterCR = false
        for scalar in data.unicodeScalars {
            if !(scalar == "\n" && afterCR) { text.append(scalar == "\r" ? "\n" : scalar) }
            afterCR = scalar == "\r"
        }
        return String(text)
    }
}
