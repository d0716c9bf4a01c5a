import Bytes
import Testing
import Wire

@Suite struct RequestHeadTests {
    @Test func `a browser's head is read in full`() throws {
        let head = try requestHead(browserRequest)
        #expect(head.method == .get)
        #expect(head.version == .http11)
        #expect(head.bodyFraming == .none)
        #expect(head.keepAlive)
        #expect(!head.expectsContinue)
        #expect(head.fieldCount == 8)
        #expect(head.host == "carillon.example:8080")
        #expect(head.upgrades == ["websocket"])
        #expect(head.first("sec-websocket-key") == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(head.persistence == .keepAlive(.http11))
    }

    @Test(arguments: [
        ("GET", HTTPMethod.get), ("HEAD", .head), ("POST", .post), ("PUT", .put),
        ("DELETE", .delete), ("OPTIONS", .options), ("PATCH", .patch), ("TRACE", .other),
        ("get", .other), ("Get", .other), ("GETS", .other), ("M-SEARCH", .other), ("X", .other),
        ("connect", .other),
    ])
    func `methods are told apart by case`(_ name: String, _ method: HTTPMethod) throws {
        #expect(try requestHead("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == method)
    }

    @Test(arguments: [("1.0", HTTPVersion.http10), ("1.1", .http11), ("1.2", .http11)])
    func `versions with major 1 are spoken`(_ text: String, _ version: HTTPVersion) throws {
        #expect(try requestHead("GET / HTTP/\(text)\r\nHost: a\r\n\r\n").version == version)
    }

    @Test func `a head that lacks its end is refused at every length`() {
        let bytes = Array(browserRequest.utf8)
        for count in 0..<bytes.count {
            let part = String(decoding: bytes[..<count], as: UTF8.self)
            #expect(throws: HTTP1Error.self, "\(count) bytes") { try requestHead(part) }
        }
    }

    @Test func `bytes behind the empty line are refused`() {
        #expect(throws: HTTP1Error.headIncomplete) { try requestHead(simpleRequest + "a") }
    }

    // MARK: Fields

    @Test func `names ignore case and values lose their blanks`() throws {
        let head = try requestHead(fields: "X-A:  \t b c \t", "x-a:d", "X-Empty:", "X-Blank: \t ")
        #expect(head.first("x-A") == "b c")
        #expect(head.values("X-A") == ["b c", "d"])
        #expect(head.first("x-empty") == "")
        #expect(head.first("x-blank") == "")
        #expect(head.first("x-none") == nil)
        #expect(head.values("x-none") == [])
    }

    @Test func `a name is not found within a longer one`() throws {
        let head = try requestHead(fields: "Xa: 1", "aX: 2")
        #expect(head.first("a") == nil)
        #expect(head.first("x") == nil)
    }

    @Test func `in the memory of another head, it is the same head`() throws {
        let long = Array(browserRequest.utf8)
        let short = Array("POST /a%20b?c=d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n".utf8)
        var spare: RequestHead? = try RequestHead(long.span, limits: HTTP1Limits())
        let kept = spare
        let head = try RequestHead(short.span, limits: HTTP1Limits(), reusing: &spare)
        #expect(spare == nil)
        #expect(head.method == .post && head.bodyFraming == .length(3) && head.keepAlive)
        #expect(head.fieldCount == 2)
        #expect(head.segments == [Array("a b".utf8)])
        #expect(head.query == [QueryItem(name: Array("c".utf8), value: Array("d".utf8))])
        #expect(head.first("Cookie") == nil && head.upgrades == [] && head.host == "h")
        // Who still has the other one has it as it was.
        #expect(kept?.first("Cookie") == "session=0123456789abcdef; theme=dark")
    }

    @Test func `a field's value is found in place, the first of its name`() throws {
        let head = try requestHead(fields: "X: 1", "A:  b c ", "a: d")
        var value = ""
        #expect(head.withFirst("a") { value = String(decoding: array($0), as: UTF8.self) })
        #expect(value == "b c")
        #expect(!head.withFirst("b") { _ in value = "" } && value == "b c")
        #expect(head.isRepeated("a") && !head.isRepeated("x") && !head.isRepeated("b"))
    }

    @Test func `characters 0x20 apart are not the same unless they are letters`() throws {
        let head = try requestHead(fields: "a^: 1", "a~: 2")
        #expect(head.first("a~") == "2")
    }

    @Test func `values beyond ASCII are kept if UTF-8 and repaired if not`() throws {
        #expect(try requestHead(fields: "X: grüß").first("x") == "grüß")
        let bytes =
            Array("GET / HTTP/1.1\r\nHost: a\r\nX: a".utf8) + [0xFF]
            + Array("b\r\n\r\n".utf8)
        let head = try RequestHead(bytes.span, limits: HTTP1Limits())
        #expect(head.first("x") == "a\u{FFFD}b")
    }

    @Test(arguments: [
        ("upgrade", true), ("Upgrade", true), ("keep-alive, Upgrade", true), (",, upgrade ,", true),
        ("\tupgrade\t", true), ("keep-alive,upgrade", true), ("upgrades", false),
        ("up grade", false), ("upgrade;a", false), ("\"upgrade\"", false), ("", false),
        ("\"a, upgrade\"", false), ("\"a\\\", upgrade\"", false), ("\"a\", upgrade", true),
        ("\"a, upgrade, b\"", false), ("\"a\\\", upgrade, b\"", false), ("\"a, upgrade, b", false),
    ])
    func `a list contains whole elements`(_ value: String, _ isThere: Bool) throws {
        let head = try requestHead(fields: "Connection: \(value)")
        #expect(head.listContains("connection", token: "upgrade") == isThere)
    }

    @Test func `a list goes on over all lines of its name`() throws {
        let head = try requestHead(fields: "Connection: a", "X: upgrade", "connection: b, UPGRADE")
        #expect(head.listContains("connection", token: "upgrade"))
        #expect(!head.listContains("x", token: "b"))
    }

    @Test(arguments: [
        ("text/event-stream", true), ("Text/Event-Stream", true), ("*/*", false), ("", false),
        ("text/html, text/event-stream;q=0.5", true), ("text/event-stream; q=0", false),
        ("text/event-stream;q=0.000", false), ("text/event-stream;q=0.001", true),
        ("text/event-stream;charset=utf-8", true), ("text/event-streams", false),
        ("text/event-stream;a=\";q=0\"", true), ("text/event-stream;Q=0.", false),
        ("application/json;a=\", text/event-stream\"", false),
        ("application/json;a=\", text/event-stream, \"", false),
        ("text/event-stream;a=\";q=0;\"", true),
    ])
    func `Accept names a media type with some weight`(_ value: String, _ isNamed: Bool) throws {
        #expect(try requestHead(fields: "Accept: \(value)").accepts("text/event-stream") == isNamed)
    }

    @Test func `100 fields pass, 101 do not`() throws {
        let lines = (1...99).map { "X-\($0): y" }
        #expect(try requestHead(request(lines)).fieldCount == 100)
        #expect(throws: HTTP1Error.tooManyFields(limit: 100, measured: 101)) {
            try requestHead(request(lines + ["Y: z"]))
        }
    }

    @Test func `a head above its limit is refused without a scanner too`() {
        let limits = HTTP1Limits(headBytesMax: 256, targetBytesMax: 64)
        let text = request(["X: " + String(repeating: "x", count: 300)])
        #expect(throws: HTTP1Error.headTooLarge(limit: 256, measured: text.utf8.count)) {
            try requestHead(text, limits: limits)
        }
    }

    // MARK: What the fields mean

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "close", false), ("1.1", "CLOSE", false),
        ("1.1", "keep-alive", true), ("1.1", "keep-alive, close", false), ("1.0", "", false),
        ("1.0", "keep-alive", true), ("1.0", "Keep-Alive", true), ("1.0", "close", false),
        ("1.0", "keep-alive, close", false),
    ])
    func `the connection stays open by version and token`(
        _ version: String, _ token: String, _ keepAlive: Bool
    ) throws {
        let text = "GET / HTTP/\(version)\r\nHost: a\r\nConnection: \(token)\r\n\r\n"
        #expect(try requestHead(text).keepAlive == keepAlive)
    }

    @Test(arguments: [
        ("Content-Length: 0", BodyFraming.length(0)), ("Content-Length: 5", .length(5)),
        ("content-length:\t5 ", .length(5)), ("Content-Length: 007", .length(7)),
        ("Content-Length: 18446744073709551615", .length(.max)),
        ("Transfer-Encoding: chunked", .chunked), ("transfer-encoding: CHUNKED", .chunked),
        ("X: y", .none),
    ])
    func `the body is framed as announced`(_ line: String, _ framing: BodyFraming) throws {
        #expect(try requestHead(fields: line).bodyFraming == framing)
    }

    @Test func `a body is waited for with 100-continue, in HTTP/1.1`() throws {
        let expect = "Expect: 100-Continue"
        #expect(try requestHead(fields: expect, "Content-Length: 5").expectsContinue)
        #expect(try requestHead(fields: expect, "Transfer-Encoding: chunked").expectsContinue)
        #expect(try !requestHead(fields: expect, "Content-Length: 0").expectsContinue)
        #expect(try !requestHead(fields: expect).expectsContinue)
        let old = "POST / HTTP/1.0\r\n\(expect)\r\nContent-Length: 5\r\n\r\n"
        #expect(try !requestHead(old).expectsContinue)
    }

    @Test(arguments: ["200-ok", "100-continue, x", "", "100-continue\r\nExpect: x"])
    func `other expectations are refused`(_ value: String) {
        #expect(throws: HTTP1Error.expectationUnsupported) {
            try requestHead(fields: "Expect: \(value)", "Content-Length: 5")
        }
    }

    @Test func `Upgrade counts with Connection and in HTTP/1.1 alone`() throws {
        let both = try requestHead(fields: "Connection: upgrade", "Upgrade: WebSocket, h2c")
        #expect(both.upgrades == ["websocket", "h2c"])
        #expect(both.wantsUpgrade(to: "websocket"))
        #expect(!both.wantsUpgrade(to: "h3"))
        let alone = try requestHead(fields: "Upgrade: websocket")
        #expect(alone.upgrades == [])
        #expect(!alone.wantsUpgrade(to: "websocket"))
        let old = try requestHead(
            "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        #expect(old.upgrades == [])
        #expect(!old.wantsUpgrade(to: "websocket"))
    }

    // MARK: Pieces

    @Test func `requests come out alike wherever their bytes are cut`() {
        let text = """
            \r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
            GET /b HTTP/1.1\r\nHost: a\r\n\r\n\
            \r\nPOST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
            3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n\
            GET /d HTTP/1.1\r\nHo
            """
        let whole = exchange(text)
        #expect(whole.error == nil)
        #expect(
            whole.requests.map { String(decoding: $0.path, as: UTF8.self) }
                == ["/a", "/b", "/c"])
        #expect(
            whole.requests.map { String(decoding: $0.body, as: UTF8.self) }
                == ["hello", "", "abc0123456789"])
        #expect(whole.rest == Array("GET /d HTTP/1.1\r\nHo".utf8))
        let count = text.utf8.count
        for first in 0...count {
            #expect(exchange(text, cuts: [first]) == whole, "cut at \(first)")
        }
        #expect(exchange(text, cuts: Array(0..<count)) == whole)
    }
}
