import Testing
import Wire

@Suite struct BodyDecoderTests {
    struct Outcome: Equatable {
        var body: [UInt8] = []
        var consumed = 0
        var isFinished = false
        var error: HTTP1Error?
    }

    /// Feeds `text` in pieces, beginning at offset `lead` of each read, as a caller would whose
    /// read starts with another message's end.
    private func decode(
        _ text: String, _ framing: BodyFraming = .chunked, cuts: [Int] = [], lead: Int = 0,
        bodyBytesMax: Int = 1_000, limits: HTTP1Limits = HTTP1Limits()
    ) -> Outcome {
        var decoder = BodyDecoder(framing, bodyBytesMax: bodyBytesMax, limits: limits)
        var outcome = Outcome()
        let bytes = Array(text.utf8)
        var start = 0
        do throws(HTTP1Error) {
            for cut in cuts + [bytes.count] where !outcome.isFinished {
                let read = Array(repeating: 0x2E, count: lead) + bytes[start..<cut]
                let (consumed, finished) = try decoder.decode(
                    read.span, from: lead, into: &outcome.body)
                outcome.consumed += consumed
                outcome.isFinished = finished
                if !finished, consumed != cut - start { break }
                start = cut
            }
        } catch {
            outcome.error = error
        }
        return outcome
    }

    private func text(_ outcome: Outcome) -> String {
        String(decoding: outcome.body, as: UTF8.self)
    }

    @Test func `without a body nothing is used`() {
        #expect(decode("GET /", .none) == Outcome(isFinished: true))
        #expect(decode("GET /", .length(0)) == Outcome(isFinished: true))
    }

    @Test func `a counted body ends at its length`() {
        let outcome = decode("helloGET /", .length(5))
        #expect(text(outcome) == "hello")
        #expect(outcome.consumed == 5)
        #expect(outcome.isFinished)
        #expect(!decode("hell", .length(5)).isFinished)
    }

    static let chunkedBodies = [
        ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\na\r\n0002\r\nbc\r\n000\r\n\r\n", "abc"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("3;a;b=c;d=\"e f\"\r\n\r\n\r\r\n0;last\r\n\r\n", "\r\n\r"),
        ("3\r\nabc\r\n0\r\nA: b\r\nC:\r\nD: \t e\r\n\r\n", "abc"),
    ]

    @Test(arguments: chunkedBodies)
    func `a chunked body comes out alike at every cut`(_ sent: String, _ body: String) {
        let whole = decode(sent + "GET /")
        #expect(whole.error == nil)
        #expect(text(whole) == body)
        #expect(whole.consumed == sent.utf8.count)
        #expect(whole.isFinished)
        let count = sent.utf8.count
        for first in 0...count {
            #expect(decode(sent + "GET /", cuts: [first]) == whole, "cut at \(first)")
            #expect(decode(sent + "GET /", cuts: [first], lead: 3) == whole, "cut at \(first)")
            for second in first...count {
                let outcome = decode(sent + "GET /", cuts: [first, second])
                #expect(outcome == whole, "cuts at \(first) and \(second)")
            }
        }
        #expect(decode(sent + "GET /", cuts: Array(0..<count)) == whole)
    }

    @Test(arguments: chunkedBodies)
    func `no part of a chunked body is the whole`(_ sent: String, _ body: String) {
        let bytes = Array(sent.utf8)
        for count in 0..<bytes.count {
            let part = decode(String(decoding: bytes[..<count], as: UTF8.self))
            #expect(part.error == nil)
            #expect(!part.isFinished, "\(count) bytes")
            #expect(part.consumed == count)
        }
    }

    // MARK: Limits

    @Test func `a length of 1000 passes, 1001 is refused before its first byte`() {
        #expect(decode("", .length(1_000)).error == nil)
        let error = HTTP1Error.bodyTooLarge(limit: 1_000, measured: 1_001)
        #expect(decode("", .length(1_001)).error == error)
        let refused = decode("abc", .length(1_001))
        #expect(refused.error == error)
        #expect(refused.body.isEmpty)
        #expect(
            decode("", .length(.max), bodyBytesMax: .max).error
                == .bodyTooLarge(limit: .max, measured: .max))
    }

    @Test func `chunks of 1000 bytes pass, of 1001 are refused before the last one's data`() {
        let first = "3e7\r\n" + String(repeating: "a", count: 999) + "\r\n"
        let passed = decode(first + "1\r\nb\r\n0\r\n\r\n")
        #expect(passed.error == nil)
        #expect(passed.body.count == 1_000)
        let refused = decode(first + "2\r\nbc")
        #expect(refused.error == .bodyTooLarge(limit: 1_000, measured: 1_001))
        #expect(refused.body.count == 999)
    }

    @Test func `a limit of 0 lets an empty body pass`() {
        #expect(decode("0\r\n\r\n", bodyBytesMax: 0).isFinished)
        #expect(
            decode("1\r\n", bodyBytesMax: 0).error == .bodyTooLarge(limit: 0, measured: 1))
    }

    @Test func `a size of 16 digits passes, of 17 does not`() {
        let sixteen = "000000000000000a\r\n0123456789\r\n0\r\n\r\n"
        #expect(decode(sixteen).isFinished)
        #expect(decode("0" + sixteen).error == .chunkSizeOverflow)
    }

    @Test func `a size line of 32 bytes passes, of 33 does not`() {
        let limits = HTTP1Limits(chunkLineBytesMax: 32)
        func body(_ count: Int) -> String {
            let line = "1;" + String(repeating: "x", count: count - 4) + "\r\n"
            return line + "a\r\n" + line + "b\r\n0\r\n\r\n"
        }
        #expect(text(decode(body(32), limits: limits)) == "ab")
        #expect(decode(body(32), limits: limits).isFinished)
        #expect(
            decode(body(33), limits: limits).error == .chunkLineTooLong(limit: 32, measured: 33))
    }

    @Test func `trailers of 64 bytes pass, of 65 do not`() {
        let limits = HTTP1Limits(trailerBytesMax: 64)
        func body(_ count: Int) -> String {
            "0\r\nA: b\r\nC: " + String(repeating: "x", count: count - 13) + "\r\n\r\n"
        }
        #expect(decode(body(64), limits: limits).isFinished)
        #expect(
            decode(body(65), limits: limits).error == .trailersTooLarge(limit: 64, measured: 65))
    }

    // MARK: Close

    @Test func `a close within a body is an error, behind it none`() throws {
        var body: [UInt8] = []
        let part = Array("3\r\nab".utf8)
        var chunked = BodyDecoder(BodyFraming.chunked, bodyBytesMax: 10, limits: HTTP1Limits())
        _ = try chunked.decode(part.span, from: 0, into: &body)
        #expect(throws: HTTP1Error.bodyTruncated) { try chunked.closed() }
        var counted = BodyDecoder(.length(3), bodyBytesMax: 10, limits: HTTP1Limits())
        #expect(throws: HTTP1Error.bodyTruncated) { try counted.closed() }
        var none = BodyDecoder(BodyFraming.none, bodyBytesMax: 10, limits: HTTP1Limits())
        try none.closed()
        #expect(none.isFinished)
    }

    @Test func `a response without a length ends with the connection`() throws {
        var body: [UInt8] = []
        let bytes = Array("0123456789".utf8)
        var decoder = BodyDecoder(.untilClose, bodyBytesMax: 20, limits: HTTP1Limits())
        for _ in 0..<2 {
            let (consumed, finished) = try decoder.decode(bytes.span, from: 0, into: &body)
            #expect(consumed == 10)
            #expect(!finished)
        }
        #expect(throws: HTTP1Error.bodyTooLarge(limit: 20, measured: 30)) {
            try decoder.decode(bytes.span, from: 0, into: &body)
        }
        #expect(body.count == 20)
        try decoder.closed()
        #expect(decoder.isFinished)
    }
}
