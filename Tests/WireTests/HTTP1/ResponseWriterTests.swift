import Bytes
import Testing
import Wire

@Suite struct ResponseWriterTests {
    private func head(
        _ status: HTTPStatus, _ fields: [(StaticString, FieldValue)] = [],
        _ body: ResponseBody, _ persistence: Persistence = .keepAlive(.http11)
    ) -> String {
        written {
            ResponseWriter.appendHead(
                status, fields: fields, body: body, persistence: persistence, to: $0)
        }
    }

    @Test func `fields come in order, with every kind of value`() {
        let text = head(
            .tooManyRequests,
            [
                ("Content-Type", "text/plain"), ("Retry-After", .decimal(5)),
                ("ETag", .string("\"é\"")), ("Date", .date(secondsSince1970: 784_111_777)),
            ], .length(0))
        #expect(
            text == """
                HTTP/1.1 429 Too Many Requests\r
                Content-Type: text/plain\r
                Retry-After: 5\r
                ETag: "é"\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                Content-Length: 0\r
                \r

                """)
    }

    @Test func `a value cannot end its line`() throws {
        let text = head(.ok, [("X", .string("a\r\nSet-Cookie: b\0\u{7F}c\td"))], .length(0))
        #expect(text.contains("X: a  Set-Cookie: b  c\td\r\n"))
        #expect(try responseHead(text).fieldCount == 2)
    }

    @Test(arguments: [
        (HTTPStatus.ok, ResponseBody.length(7), "Content-Length: 7\r\n"),
        (.ok, .chunked, "Transfer-Encoding: chunked\r\n"),
        (.ok, .untilClose, "Connection: close\r\n"),
        (.noContent, .none, ""), (.noContent, .length(0), ""),
        (.notModified, .length(7), "Content-Length: 7\r\n"),
        (.switchingProtocols, .length(0), ""),
    ])
    func `the body is announced as its status allows`(
        _ status: HTTPStatus, _ body: ResponseBody, _ lines: String
    ) {
        #expect(
            head(status, body) == "HTTP/1.1 \(status.rawValue) \(status.reason)\r\n\(lines)\r\n")
    }

    @Test(arguments: [
        (Persistence.keepAlive(.http11), ""), (.keepAlive(.http10), "Connection: keep-alive\r\n"),
        (.close, "Connection: close\r\n"), (.upgrade, "Connection: Upgrade\r\n"),
    ])
    func `the connection's fate is said where it must be`(
        _ persistence: Persistence, _ line: String
    ) {
        #expect(
            head(.ok, [], .length(1), persistence)
                == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\(line)\r\n")
    }

    private func head(_ status: HTTPStatus, _ body: ResponseBody) -> String {
        head(status, [], body)
    }

    @Test func `100 Continue is a head by itself`() throws {
        let text = written { ResponseWriter.appendContinue(to: $0) }
        #expect(try responseHead(text).status == 100)
    }

    @Test(arguments: [1, 9, 10, 15, 16, 17, 255, 256, 4_095, 4_096, 65_536])
    func `a chunk is read back`(_ count: Int) throws {
        let data = [UInt8](repeating: 0x61, count: count)
        let buffer = ByteBuffer()
        ResponseWriter.appendChunk(data.span, to: buffer)
        ResponseWriter.appendLastChunk(to: buffer)
        let sent = buffer.array()
        #expect(sent.starts(with: (String(count, radix: 16) + "\r\n").utf8))
        var decoder = BodyDecoder(BodyFraming.chunked, bodyBytesMax: count, limits: HTTP1Limits())
        var body: [UInt8] = []
        let (consumed, finished) = try decoder.decode(sent.span, from: 0, into: &body)
        #expect(consumed == sent.count)
        #expect(finished)
        #expect(body == data)
    }

    @Test func `an empty chunk is not written, since it would be the last`() {
        let none: [UInt8] = []
        #expect(written { ResponseWriter.appendChunk(none.span, to: $0) } == "")
    }
}

@Suite struct HTTPDateTests {
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(UInt64, String)])
    func `a second has its date`(_ seconds: UInt64, _ date: String) {
        #expect(written { appendHTTPDate(secondsSince1970: seconds, to: $0) } == date)
    }
}
