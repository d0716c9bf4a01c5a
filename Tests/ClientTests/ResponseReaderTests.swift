// One response, however it is cut.

import Testing
import Wire

@testable import Client

@Suite struct ResponseReaderTests {
    /// Feeds `text` in two pieces; returns the body and how many bytes of the text were not used.
    private func read(
        _ text: String, cutAt cut: Int, bodyBytesMax: Int = 100,
        limits: ClientLimits = ClientLimits()
    ) throws(ClientError) -> (reader: ResponseReader, body: String, left: Int) {
        var reader = ResponseReader(to: .get, bodyBytesMax: bodyBytesMax, limits: limits)
        let bytes = Array(text.utf8)
        var body: [UInt8] = []
        let first = Array(bytes[..<cut])
        let second = Array(bytes[cut...])
        var used = try reader.receive(first.span, into: &body)
        if used == cut { used += try reader.receive(second.span, into: &body) }
        return (reader, String(decoding: body, as: UTF8.self), bytes.count - used)
    }

    private func atEveryCut(_ text: String, _ check: (Int) throws -> Void) rethrows {
        for cut in 0...text.utf8.count { try check(cut) }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", "hello", 4),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "hello", 0
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 \r\n\r\n"
                + "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n!", "!", 0
        ),
        ("HTTP/1.1 204 No Content\r\nETag: \"a\"\r\n\r\n", "", 0),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}", "", 2),
    ])
    func `a response is read the same at every cut`(
        _ text: String, _ body: String, _ left: Int
    ) throws {
        try atEveryCut(text) { cut in
            let result = try read(text, cutAt: cut)
            #expect(result.reader.isFinished && result.body == body, "cut at \(cut)")
            // What lies behind the first piece was not given where that piece was not used up.
            #expect(result.left == left, "cut at \(cut)")
        }
    }

    @Test func `an endless body is given as it comes, and ends with the connection`() throws {
        let text = "HTTP/1.1 200 OK\r\n\r\nas it comes"
        try atEveryCut(text) { cut in
            var result = try read(text, cutAt: cut, bodyBytesMax: .max)
            #expect(result.body == "as it comes" && !result.reader.isFinished)
            try result.reader.closed()
            #expect(result.reader.isFinished)
        }
    }

    @Test func `the detail of a problem is thrown when the answer is whole`() {
        let problem = #"{"type":"about:blank","detail":"the ring is full"}"#
        let text = """
            HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
            Retry-After: 7\r\nContent-Length: \(problem.utf8.count)\r\n\r\n\(problem)
            """
        let expected = ClientError.refused(
            status: 503, detail: "the ring is full", retryAfterSeconds: 7)
        atEveryCut(text) { cut in
            #expect(throws: expected) { try read(text, cutAt: cut) }
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nlost", ""),
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://h/x\r\nContent-Length: 0\r\n\r\n",
            "it is now at https://h/x"
        ),
        (
            "HTTP/1.1 400 Bad\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{]",
            ""
        ),
        (
            "HTTP/1.1 400 Bad\r\nContent-Type: application/problem+json; a=b\r\n"
                + "Content-Length: 13\r\n\r\n{\"title\":\"t\"}", "t"
        ),
        ("HTTP/1.1 400 Bad\r\nContent-Length: 99999999\r\n\r\n", ""),
    ])
    func `an error without a problem is told by its status`(_ text: String, _ detail: String) {
        #expect { try read(text, cutAt: 0) } throws: { error in
            guard case .refused(_, detail, nil)? = error as? ClientError else { return false }
            return true
        }
    }

    @Test func `an error whose explanation is cut off is still that error`() throws {
        var reader = ResponseReader(to: .get, bodyBytesMax: 0, limits: ClientLimits())
        var body: [UInt8] = []
        let bytes = Array("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nhalf".utf8)
        _ = try reader.receive(bytes.span, into: &body)
        #expect(throws: ClientError.refused(status: 401, detail: "", retryAfterSeconds: nil)) {
            try reader.closed()
        }
    }

    @Test(arguments: [
        "", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    ])
    func `a close before the end is an error`(_ text: String) throws {
        var reader = try read(text, cutAt: 0).reader
        #expect(throws: ClientError.closedByServer) { try reader.closed() }
    }

    @Test func `a body at the limit passes, and one byte more does not`() throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: "
        #expect(try read(head + "3\r\n\r\nabc", cutAt: 0, bodyBytesMax: 3).body == "abc")
        #expect(throws: ClientError.http(.bodyTooLarge(limit: 3, measured: 4))) {
            try read(head + "4\r\n\r\nabcd", cutAt: 0, bodyBytesMax: 3)
        }
    }

    @Test func `eight interim responses pass, and nine do not`() throws {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n"
        let end = "HTTP/1.1 204 No Content\r\n\r\n"
        let eight = String(repeating: interim, count: 8)
        #expect(try read(eight + end, cutAt: 0).reader.isFinished)
        #expect(throws: ClientError.self) { try read(eight + interim + end, cutAt: 0) }
    }

    @Test func `what is no HTTP is refused`() {
        #expect(throws: ClientError.http(.malformedStatusLine)) {
            try read("SSH-2.0-x whatever\r\n\r\n", cutAt: 0)
        }
    }
}
