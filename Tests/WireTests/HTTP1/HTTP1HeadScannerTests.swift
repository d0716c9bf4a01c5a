import Testing
import Wire

@Suite struct HTTP1HeadScannerTests {
    private func scan(
        _ text: String, limits: HTTP1Limits = HTTP1Limits()
    ) throws(HTTP1Error) -> Int? {
        let bytes = Array(text.utf8)
        var scanner = HTTP1HeadScanner(limits: limits)
        return try scanner.scan(bytes.span)
    }

    @Test func `the end is just past the empty line, whatever follows`() throws {
        #expect(try scan(simpleRequest) == simpleRequest.utf8.count)
        #expect(try scan(simpleRequest + "\n\0\r body") == simpleRequest.utf8.count)
    }

    @Test func `every part of a head asks for more`() throws {
        let bytes = Array(browserRequest.utf8)
        for count in 0..<bytes.count {
            var scanner = HTTP1HeadScanner(limits: HTTP1Limits())
            let first = try scanner.scan(bytes.span.extracting(0..<count))
            #expect(first == nil, "\(count) bytes")
            let second = try scanner.scan(bytes.span)
            #expect(second == bytes.count, "\(count) bytes first")
        }
    }

    @Test func `a head that comes byte by byte ends at the same offset`() throws {
        let bytes = Array((browserRequest + "rest").utf8)
        var scanner = HTTP1HeadScanner(limits: HTTP1Limits())
        var end: Int?
        var count = 0
        while end == nil, count < bytes.count {
            count += 1
            end = try scanner.scan(bytes.span.extracting(0..<count))
        }
        #expect(end == browserRequest.utf8.count)
        #expect(count == end)
    }

    @Test func `after a reset the next head is found`() throws {
        let bytes = Array(simpleRequest.utf8)
        var scanner = HTTP1HeadScanner(limits: HTTP1Limits())
        for _ in 0..<3 {
            let end = try scanner.scan(bytes.span)
            #expect(end == bytes.count)
            scanner.reset()
        }
    }

    @Test(arguments: [
        ("GET /\n", HTTP1Error.bareLineFeed), ("GET /\ra", .bareCarriageReturn),
        ("\n", .bareLineFeed), ("\0", .controlByte(0)), ("GET \u{7F}", .controlByte(0x7F)),
        ("GET / HTTP/1.1\r\nA:\u{1F}", .controlByte(0x1F)),
    ])
    func `a byte that no head has is refused before the head ends`(
        _ text: String, _ error: HTTP1Error
    ) {
        #expect(throws: error) { try scan(text) }
    }

    @Test func `tabs and bytes beyond ASCII are left to the parser`() throws {
        let text = "GET / HTTP/1.1\r\nA: \té\r\n\r\n"
        #expect(try scan(text) == text.utf8.count)
    }

    @Test func `four empty lines may come first, not five`() throws {
        let four = String(repeating: "\r\n", count: 4)
        #expect(try scan(four + simpleRequest) == 8 + simpleRequest.utf8.count)
        #expect(throws: HTTP1Error.tooManyEmptyLines(limit: 4, measured: 5)) {
            try scan(four + "\r\n" + simpleRequest)
        }
        let none = HTTP1Limits(emptyLineCountMax: 0)
        #expect(throws: HTTP1Error.tooManyEmptyLines(limit: 0, measured: 1)) {
            try scan("\r\n" + simpleRequest, limits: none)
        }
    }

    /// A head of `count` bytes, 64 or more, most of them in one field.
    private func head(of count: Int) -> String {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        return start + String(repeating: "x", count: count - start.utf8.count - 4) + "\r\n\r\n"
    }

    @Test func `256 bytes pass a limit of 256, 257 do not`() throws {
        let limits = HTTP1Limits(headBytesMax: 256, targetBytesMax: 64)
        #expect(try scan(head(of: 256), limits: limits) == 256)
        #expect(try scan(head(of: 256) + "body", limits: limits) == 256)
        #expect(throws: HTTP1Error.headTooLarge(limit: 256, measured: 257)) {
            try scan(head(of: 257), limits: limits)
        }
    }

    @Test func `a head without end is refused at the first byte too many`() throws {
        let limits = HTTP1Limits(headBytesMax: 256, targetBytesMax: 64)
        let endless = Array((head(of: 300)).utf8)
        var scanner = HTTP1HeadScanner(limits: limits)
        for count in 0...256 {
            let end = try scanner.scan(endless.span.extracting(0..<count))
            #expect(end == nil)
        }
        #expect(throws: HTTP1Error.headTooLarge(limit: 256, measured: 257)) {
            try scanner.scan(endless.span.extracting(0..<257))
        }
    }

    @Test func `a request line without end is a target too long`() {
        let limits = HTTP1Limits(headBytesMax: 256, targetBytesMax: 64)
        let line = "GET /" + String(repeating: "a", count: 252)
        #expect(throws: HTTP1Error.requestLineTooLong(limit: 256, measured: 257)) {
            try scan(line, limits: limits)
        }
    }
}
