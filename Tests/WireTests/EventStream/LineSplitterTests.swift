import Testing

@testable import Wire

private struct Line: Equatable {
    var text: String
    var number: Int
}

private func lines(
    _ parts: [[UInt8]], lineBytesMax: Int = 100
) throws(LineSplitterError) -> [Line] {
    var splitter = LineSplitter(lineBytesMax: lineBytesMax)
    var found: [Line] = []
    let take = { (line: Span<UInt8>, number: Int) in
        let bytes = line.indices.map { line[$0] }
        found.append(Line(text: String(decoding: bytes, as: UTF8.self), number: number))
    }
    for part in parts { try splitter.feed(part.span, take) }
    try splitter.finish(take)
    return found
}

@Suite struct LineSplitterTests {
    private let text = Array("one\r\n\ntwo\n\r\n three \n\n\nfo\rur\r\nlast".utf8)
    private let expected = [
        Line(text: "one", number: 1), Line(text: "two", number: 3),
        Line(text: " three ", number: 5),
        Line(text: "fo\rur", number: 8), Line(text: "last", number: 9),
    ]

    @Test func `lines come without their ends, empty ones not at all`() throws {
        #expect(try lines([text]) == expected)
    }

    @Test func `a text split at any two places gives the same lines`() throws {
        for first in 0...text.count {
            for second in first...text.count {
                let parts = [
                    Array(text[..<first]), Array(text[first..<second]), Array(text[second...]),
                ]
                #expect(try lines(parts) == expected)
            }
        }
    }

    @Test func `a text fed byte by byte gives the same lines`() throws {
        #expect(try lines(text.map { [$0] }) == expected)
    }

    @Test func `a text that ends with a line break has no line more`() throws {
        #expect(try lines([Array("a\nb\n".utf8)]).map(\.text) == ["a", "b"])
        #expect(try lines([Array("a\r\n".utf8)]).map(\.text) == ["a"])
        #expect(try lines([]) == [])
    }

    @Test(arguments: ["\n", "\r\n", ""])
    func `a line of the limit is accepted, one byte more refused, at every split`(end: String)
        throws
    {
        let fits = Array(("ok\n" + "12345678" + end).utf8)
        let tooLong = Array(("ok\n" + "123456789" + end).utf8)
        for split in 0...fits.count {
            let parts = [Array(fits[..<split]), Array(fits[split...])]
            #expect(try lines(parts, lineBytesMax: 8).map(\.text) == ["ok", "12345678"])
        }
        for split in 0...tooLong.count {
            #expect(throws: LineSplitterError.lineTooLong(number: 2, lineBytesMax: 8)) {
                try lines([Array(tooLong[..<split]), Array(tooLong[split...])], lineBytesMax: 8)
            }
        }
    }

    @Test func `a line without end is refused before it is buffered`() throws {
        var splitter = LineSplitter(lineBytesMax: 4)
        let chunk = Array("12345".utf8)
        #expect(throws: LineSplitterError.lineTooLong(number: 1, lineBytesMax: 4)) {
            try splitter.feed(chunk.span) { _, _ in }
        }
        let detail = LineSplitterError.lineTooLong(number: 1, lineBytesMax: 4).detail
        #expect(detail == "line 1 is longer than 4 bytes")
    }

    @Test func `after its end the splitter begins a new text`() throws {
        var splitter = LineSplitter(lineBytesMax: 9)
        var numbers: [Int] = []
        for _ in 0..<2 {
            let text = Array("a\nb".utf8)
            try splitter.feed(text.span) { _, number in numbers.append(number) }
            try splitter.finish { _, number in numbers.append(number) }
        }
        #expect(numbers == [1, 2, 1, 2])
    }
}
