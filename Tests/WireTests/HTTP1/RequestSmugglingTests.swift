// Every known way to make two readers see two different requests in the same bytes.

import Testing
import Wire

struct Attempt: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: String
    var error: HTTP1Error

    init(_ name: String, _ bytes: String, _ error: HTTP1Error) {
        self.name = name
        self.bytes = bytes
        self.error = error
    }

    /// A POST with these lines behind Host, and a body that hides a second request.
    init(_ name: String, post lines: String..., error: HTTP1Error) {
        let head = (["POST / HTTP/1.1", "Host: a"] + lines).joined(separator: "\r\n")
        self.init(name, head + "\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n", error)
    }

    var testDescription: String { name }
}

let attempts: [Attempt] = framingAttempts + fieldAttempts + lineAttempts + chunkAttempts

private let framingAttempts: [Attempt] = [
    Attempt(
        "CL.TE", post: "Content-Length: 5", "Transfer-Encoding: chunked",
        error: .transferEncodingWithContentLength),
    Attempt(
        "TE.CL", post: "Transfer-Encoding: chunked", "Content-Length: 5",
        error: .transferEncodingWithContentLength),
    Attempt(
        "a bad length beside chunked", post: "Transfer-Encoding: chunked", "Content-Length: x",
        error: .transferEncodingWithContentLength),
    Attempt(
        "two lengths", post: "Content-Length: 5", "Content-Length: 6",
        error: .repeatedContentLength),
    Attempt(
        "the same length twice", post: "Content-Length: 5", "content-length: 5",
        error: .repeatedContentLength),
    Attempt("a list of lengths", post: "Content-Length: 5, 5", error: .malformedContentLength),
    Attempt("a plus sign", post: "Content-Length: +5", error: .malformedContentLength),
    Attempt("a minus sign", post: "Content-Length: -5", error: .malformedContentLength),
    Attempt("a hexadecimal length", post: "Content-Length: 0x5", error: .malformedContentLength),
    Attempt("an inner space", post: "Content-Length: 1 0", error: .malformedContentLength),
    Attempt("a fraction", post: "Content-Length: 5.0", error: .malformedContentLength),
    Attempt("an exponent", post: "Content-Length: 5e0", error: .malformedContentLength),
    Attempt("an underscore", post: "Content-Length: 1_0", error: .malformedContentLength),
    Attempt("an empty length", post: "Content-Length:", error: .malformedContentLength),
    Attempt("a quoted length", post: "Content-Length: \"5\"", error: .malformedContentLength),
    Attempt("digits of another script", post: "Content-Length: ٥", error: .malformedContentLength),
    Attempt(
        "a length of 2^64", post: "Content-Length: 18446744073709551616",
        error: .malformedContentLength),
    Attempt(
        "a length of 10^20", post: "Content-Length: 100000000000000000000",
        error: .malformedContentLength),
    Attempt(
        "chunked twice in a list", post: "Transfer-Encoding: chunked, chunked",
        error: .malformedTransferEncoding),
    Attempt(
        "chunked in two lines", post: "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
        error: .repeatedTransferEncoding),
    Attempt(
        "two encodings in two lines", post: "Transfer-Encoding: chunked",
        "Transfer-encoding: identity", error: .repeatedTransferEncoding),
    Attempt(
        "chunked not last", post: "Transfer-Encoding: chunked, gzip",
        error: .malformedTransferEncoding),
    Attempt(
        "chunked with an empty element", post: "Transfer-Encoding: chunked,",
        error: .malformedTransferEncoding),
    Attempt(
        "chunked behind an empty element", post: "Transfer-Encoding: , chunked",
        error: .malformedTransferEncoding),
    Attempt(
        "chunked with a parameter", post: "Transfer-Encoding: chunked;a=b",
        error: .malformedTransferEncoding),
    Attempt(
        "quoted chunked", post: "Transfer-Encoding: \"chunked\"", error: .malformedTransferEncoding),
    Attempt(
        "chunked behind a word", post: "Transfer-Encoding: x chunked",
        error: .malformedTransferEncoding),
    Attempt("an empty encoding", post: "Transfer-Encoding:", error: .malformedTransferEncoding),
    Attempt(
        "chunked behind a no-break space", post: "Transfer-Encoding: \u{A0}chunked",
        error: .malformedTransferEncoding),
    Attempt("xchunked", post: "Transfer-Encoding: xchunked", error: .transferCodingUnsupported),
    Attempt("chunkedx", post: "Transfer-Encoding: chunkedx", error: .transferCodingUnsupported),
    Attempt("identity", post: "Transfer-Encoding: identity", error: .transferCodingUnsupported),
    Attempt(
        "gzip, chunked", post: "Transfer-Encoding: gzip, chunked",
        error: .transferCodingUnsupported),
    Attempt(
        "chunked behind a vertical tab", post: "Transfer-Encoding: \u{0B}chunked",
        error: .controlByte(0x0B)),
    Attempt(
        "chunked in HTTP/1.0",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        .transferEncodingInHTTP10),
    Attempt(
        "chunked and a length in HTTP/1.0",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        .transferEncodingInHTTP10),
]

private let fieldAttempts: [Attempt] = [
    Attempt(
        "a space before the colon", post: "Content-Length : 5", error: .spaceBeforeColon),
    Attempt("a tab before the colon", post: "Content-Length\t: 5", error: .spaceBeforeColon),
    Attempt("a folded value", post: "X: a", " Content-Length: 5", error: .obsoleteLineFolding),
    Attempt("a value folded by a tab", post: "X: a", "\tb", error: .obsoleteLineFolding),
    Attempt(
        "a line of blanks", post: "X: a", " ", "Content-Length: 5", error: .obsoleteLineFolding),
    Attempt(
        "a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        .whitespaceBeforeFields),
    Attempt("an empty name", post: ": 5", error: .emptyFieldName),
    Attempt("a line without a colon", post: "Content-Length", error: .missingColon),
    Attempt("a space in a name", post: "Content Length: 5", error: .fieldNameByte(0x20)),
    Attempt("a quote in a name", post: "\"Content-Length\": 5", error: .fieldNameByte(0x22)),
    Attempt("a slash in a name", post: "Content/Length: 5", error: .fieldNameByte(0x2F)),
    Attempt("a name beyond ASCII", post: "Contënt-Length: 5", error: .fieldNameByte(0xC3)),
    Attempt("NUL in a name", post: "Content-Length\0: 5", error: .controlByte(0)),
    Attempt("NUL in a value", post: "X: a\0b", error: .controlByte(0)),
    Attempt("delete in a value", post: "X: a\u{7F}b", error: .controlByte(0x7F)),
    Attempt("escape in a value", post: "X: \u{1B}[0m", error: .controlByte(0x1B)),
    Attempt("no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n", .missingHost),
    Attempt("two Hosts", post: "Host: b", error: .repeatedHost),
    Attempt("the same Host twice", post: "host: a", error: .repeatedHost),
    Attempt(
        "no Host in absolute form", "GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
    Attempt("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
]

private let lineAttempts: [Attempt] = [
    Attempt("LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
    Attempt("LF ends a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", .bareLineFeed),
    Attempt("LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\nGET /", .bareLineFeed),
    Attempt("CR ends a field", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .bareCarriageReturn),
    Attempt("CR in a value", post: "X: a\rb", error: .bareCarriageReturn),
    Attempt("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .bareCarriageReturn),
    Attempt(
        "two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    Attempt(
        "two spaces behind the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
    Attempt("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
    Attempt("a space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedVersion),
    Attempt("a space at the start", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    Attempt("tabs for spaces", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", .malformedMethod),
    Attempt("a tab behind the target", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    Attempt("HTTP/0.9", "GET /\r\n\r\n", .malformedRequestLine),
    Attempt("a method that is no token", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedMethod),
    Attempt(
        "HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionUnsupported(major: 2, minor: 0)),
    Attempt("HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n", .versionUnsupported(major: 0, minor: 9)),
    Attempt(
        "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        .versionUnsupported(major: 2, minor: 0)),
    Attempt("a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
    Attempt("a short version", "GET / HTTP/1\r\nHost: a\r\n\r\n", .malformedVersion),
    Attempt("a long version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformedVersion),
    Attempt("another protocol", "GET / RTSP/1.0\r\nHost: a\r\n\r\n", .malformedVersion),
    Attempt("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .connectUnsupported),
    Attempt("a TLS hello", "\u{16}\u{03}\u{01}", .controlByte(0x16)),
    Attempt(
        "empty lines without end", "\r\n\r\n\r\n\r\n\r\n", .tooManyEmptyLines(limit: 4, measured: 5)
    ),
]

private func chunked(_ body: String) -> String {
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

private let chunkAttempts: [Attempt] = [
    Attempt("no size", chunked("\r\nabc\r\n0\r\n\r\n"), .malformedChunkSize),
    Attempt("a size with a sign", chunked("+3\r\nabc\r\n0\r\n\r\n"), .malformedChunkSize),
    Attempt("a negative size", chunked("-3\r\nabc\r\n0\r\n\r\n"), .malformedChunkSize),
    Attempt("a size with a prefix", chunked("0x3\r\nabc\r\n0\r\n\r\n"), .malformedChunkSize),
    Attempt("a space before the size", chunked(" 3\r\nabc\r\n0\r\n\r\n"), .malformedChunkSize),
    Attempt("a space behind the size", chunked("3 \r\nabc\r\n0\r\n\r\n"), .malformedChunkSize),
    Attempt("a size that is no number", chunked("g\r\n"), .malformedChunkSize),
    Attempt("an extension without a size", chunked(";a\r\n"), .malformedChunkSize),
    Attempt("a size of 17 digits", chunked("00000000000000003\r\nabc\r\n"), .chunkSizeOverflow),
    Attempt("a size of 2^64", chunked("10000000000000000\r\n"), .chunkSizeOverflow),
    Attempt(
        "a size of 2^64 - 1", chunked("ffffffffffffffff\r\n"),
        .bodyTooLarge(limit: 1_000, measured: .max)),
    Attempt(
        "sizes whose sum overflows", chunked("1\r\na\r\nffffffffffffffff\r\n"),
        .bodyTooLarge(limit: 1_000, measured: .max)),
    Attempt("LF behind the size", chunked("3\nabc\r\n0\r\n\r\n"), .bareLineFeed),
    Attempt("LF in an extension", chunked("3;a\nabc\r\n0\r\n\r\n"), .bareLineFeed),
    Attempt("CR in an extension", chunked("3;a\rb\r\nabc\r\n"), .bareCarriageReturn),
    Attempt("NUL in an extension", chunked("3;a\0\r\nabc\r\n"), .controlByte(0)),
    Attempt("CR without LF behind the size", chunked("3\rabc\r\n"), .bareCarriageReturn),
    Attempt("a chunk longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), .chunkUnterminated),
    Attempt("a chunk without CRLF", chunked("3\r\nabc0\r\n\r\n"), .chunkUnterminated),
    Attempt("LF behind a chunk", chunked("3\r\nabc\n0\r\n\r\n"), .bareLineFeed),
    Attempt("CR behind a chunk", chunked("3\r\nabc\r0\r\n\r\n"), .bareCarriageReturn),
    Attempt("LF behind the last chunk", chunked("0\n\n"), .bareLineFeed),
    Attempt("LF ends the trailers", chunked("0\r\n\nGET /"), .bareLineFeed),
    Attempt("CR ends the trailers", chunked("0\r\n\rGET /"), .bareCarriageReturn),
    Attempt("LF ends a trailer", chunked("0\r\nA: b\n\r\n"), .bareLineFeed),
    Attempt("CR in a trailer", chunked("0\r\nA: b\rc\r\n\r\n"), .bareCarriageReturn),
    Attempt("a control byte in a trailer", chunked("0\r\nA: \u{01}\r\n\r\n"), .controlByte(1)),
    Attempt("a request in the trailers", chunked("0\r\nGET / HTTP/1.1\r\n"), .malformedTrailer),
    Attempt("a folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n"), .malformedTrailer),
    Attempt("a trailer without a colon", chunked("0\r\nA\r\n\r\n"), .malformedTrailer),
    Attempt("a trailer without a name", chunked("0\r\n: b\r\n\r\n"), .malformedTrailer),
]

@Suite struct RequestSmugglingTests {
    @Test(arguments: attempts)
    func `is refused by its rule, and no second request comes out`(_ attempt: Attempt) {
        let outcome = exchange(attempt.bytes)
        #expect(outcome.error == attempt.error)
        #expect(outcome.requests.isEmpty)
    }

    @Test(arguments: attempts)
    func `is refused alike wherever the bytes are cut`(_ attempt: Attempt) {
        for cut in 0...attempt.bytes.utf8.count {
            let outcome = exchange(attempt.bytes, cuts: [cut])
            #expect(outcome.error == attempt.error, "cut at \(cut)")
            #expect(outcome.requests.isEmpty, "cut at \(cut)")
        }
    }

    @Test(arguments: attempts)
    func `is refused alike byte by byte`(_ attempt: Attempt) {
        let outcome = exchange(attempt.bytes, cuts: Array(0..<attempt.bytes.utf8.count))
        #expect(outcome.error == attempt.error)
        #expect(outcome.requests.isEmpty)
    }

    @Test func `no two attempts are the same`() {
        #expect(Set(attempts.map(\.bytes)).count == attempts.count)
    }
}
