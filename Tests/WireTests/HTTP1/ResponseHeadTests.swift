import Bytes
import Testing
import Wire

@Suite struct ResponseHeadTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK", 200, HTTPVersion.http11), ("HTTP/1.0 404 Not Found", 404, .http10),
        ("HTTP/1.1 204 ", 204, .http11), ("HTTP/1.1 503", 503, .http11),
        ("HTTP/1.1 101 Switching Protocols", 101, .http11), ("HTTP/1.1 599 \té", 599, .http11),
    ])
    func `a status line is read`(_ line: String, _ status: Int, _ version: HTTPVersion) throws {
        let head = try responseHead(line + "\r\nX: y\r\n\r\n")
        #expect(head.status == status)
        #expect(head.version == version)
        #expect(head.first("x") == "y")
        #expect(head.fieldCount == 1)
    }

    @Test(arguments: [
        ("HTTP/1.1 20 OK", HTTP1Error.malformedStatusLine), ("HTTP/1.1 2000", .malformedStatusLine),
        ("HTTP/1.1  200", .malformedStatusLine), ("HTTP/1.1 099 X", .malformedStatusLine),
        ("HTTP/1.1 600 X", .malformedStatusLine), ("HTTP/1.1 +20 X", .malformedStatusLine),
        ("HTTP/1.1 2x0 X", .malformedStatusLine), ("HTTP/1.1", .malformedStatusLine),
        ("HTTP/1.1\t200 OK", .malformedStatusLine), ("ICY 200 OK", .malformedStatusLine),
        ("HTTQ/1.1 200 OK", .malformedVersion), ("", .malformedStatusLine),
        ("HTTP/2.0 200 OK", .versionUnsupported(major: 2, minor: 0)),
    ])
    func `another status line is refused`(_ line: String, _ error: HTTP1Error) {
        #expect(throws: error) { try responseHead(line + "\r\n\r\n") }
    }

    @Test(arguments: [
        (200, "Content-Length: 5", ResponseFraming.message(.length(5))),
        (200, "Transfer-Encoding: chunked", .message(.chunked)), (200, "X: y", .untilClose),
        (204, "Content-Length: 5", .message(.none)), (304, "Content-Length: 5", .message(.none)),
        (101, "Upgrade: websocket", .message(.none)), (100, "X: y", .message(.none)),
        (200, "Content-Length: 0", .message(.length(0))),
    ])
    func `the body is framed by status and fields`(
        _ status: Int, _ line: String, _ framing: ResponseFraming
    ) throws {
        let text = "HTTP/1.1 \(status) X\r\n\(line)\r\n\r\n"
        #expect(try responseHead(text).bodyFraming == framing)
        #expect(try responseHead(text, to: .head).bodyFraming == .message(.none))
    }

    @Test func `a response that contradicts itself is refused`() {
        #expect(throws: HTTP1Error.transferEncodingWithContentLength) {
            try responseHead(
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
        }
    }

    @Test func `a body until close leaves nothing to keep alive`() throws {
        #expect(try !responseHead("HTTP/1.1 200 OK\r\n\r\n").keepAlive)
        #expect(try responseHead("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n").keepAlive)
        #expect(try !responseHead("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").keepAlive)
        let close = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"
        #expect(try !responseHead(close).keepAlive)
        #expect(try responseHead(close).listContains("connection", token: "close"))
        #expect(try responseHead(close).values("connection") == ["close"])
    }

    @Test func `what the writers write, the parsers read`() throws {
        let response = written {
            ResponseWriter.appendHead(
                .ok, fields: [("ETag", .string("\"a-1\""))], body: .length(3),
                persistence: .keepAlive(.http11), to: $0)
        }
        let head = try responseHead(response)
        #expect(head.status == 200)
        #expect(head.first("etag") == "\"a-1\"")
        #expect(head.bodyFraming == .message(.length(3)))

        let request = written {
            RequestWriter.appendHead(
                "POST", target: "/a b?c#é%41", host: "h:1", fields: [("X", .decimal(7))],
                bodyLength: 3, upgrading: true, to: $0)
        }
        #expect(
            request
                == "POST /a%20b?c%23%C3%A9%41 HTTP/1.1\r\nHost: h:1\r\nX: 7\r\n"
                + "Content-Length: 3\r\nConnection: Upgrade\r\n\r\n")
        #expect(try requestHead(request).bodyFraming == .length(3))
    }
}
