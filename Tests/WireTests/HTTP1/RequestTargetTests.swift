import Testing
import Wire

@Suite struct RequestTargetTests {
    private func head(_ target: String, method: String = "GET") throws(HTTP1Error) -> RequestHead {
        try requestHead("\(method) \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test(arguments: [
        ("/", "/", [""]), ("/a", "/a", ["a"]), ("/a/", "/a/", ["a", ""]),
        ("/a/b?c/d", "/a/b", ["a", "b"]), ("//a", "//a", ["", "a"]), ("/?", "/", [""]),
        ("/a%2Fb/c", "/a%2Fb/c", ["a/b", "c"]), ("/%e2%82%ac", "/%e2%82%ac", ["€"]),
        ("/a+b", "/a+b", ["a+b"]), ("/../a/.", "/../a/.", ["..", "a", "."]),
        ("/a%00", "/a%00", ["a\0"]), ("/%25%32%66", "/%25%32%66", ["%2f"]),
        ("http://b", "/", [""]), ("http://b?x", "/", [""]), ("HTTPS://b:1/c?x", "/c", ["c"]),
        ("/a|b\"<>[]{}^`\\", "/a|b\"<>[]{}^`\\", ["a|b\"<>[]{}^`\\"]),
    ])
    func `a path is split before it is decoded`(
        _ target: String, _ path: String, _ segments: [String]
    ) throws {
        let head = try head(target)
        #expect(text(head.path) == path)
        #expect(head.segments.map(text) == segments)
        #expect(head.hasPath(Array(path.utf8)) && !head.hasPath(Array((path + "/").utf8)))
        #expect(head.hasSegment(segments.count - 1) && !head.hasSegment(segments.count))
        #expect(!head.isAsterisk)
    }

    @Test(arguments: ["/%", "/%4", "/a/%4g", "/%g4", "/%%41", "/% 1".replacing(" ", with: "+")])
    func `a path with a bad escape is refused`(_ target: String) throws {
        #expect(throws: HTTP1Error.malformedPercentEncoding) { try head(target) }
    }

    @Test(arguments: [
        ("/", []), ("/?", []), ("/?a=b", ["a", "b"]), ("/?a=b&a=c", ["a", "b", "a", "c"]),
        ("/?&&a&", ["a", ""]), ("/?=b", ["", "b"]), ("/?a=b=c", ["a", "b=c"]),
        ("/?a+b=c%2Bd+e", ["a b", "c+d e"]), ("/?a%3Db=%26", ["a=b", "&"]),
        ("/?a?b=?", ["a?b", "?"]),
        ("http://b?a=b", ["a", "b"]), ("/?=", ["", ""]), ("/?a=", ["a", ""]),
    ])
    func `a query gives its items in order`(_ target: String, _ pairs: [String]) throws {
        let items = try head(target).query
        #expect(items.flatMap { [text($0.name), text($0.value)] } == pairs)
    }

    @Test(arguments: ["/?a=%", "/?%4=b", "/?a=%4x", "/?a=%&b=41"])
    func `a query with a bad escape is refused`(_ target: String) throws {
        #expect(throws: HTTP1Error.malformedPercentEncoding) { try head(target) }
    }

    @Test func `of a query's values the first is found, by its decoded name`() throws {
        let head = try head("/?b=x&%61+a=1%2B+2&a+a=3&c")
        #expect(head.queryValue("a a").map(text) == "1+ 2")
        #expect(head.queryValue("c").map(text) == "")
        #expect(head.queryValue("a") == nil)
        #expect(try self.head("/").queryValue("a") == nil)
    }

    @Test func `a segment is compared decoded, and whole`() throws {
        let head = try head("/%63hannels/a%2Fb")
        #expect(head.hasSegment(0, "channels") && head.hasSegment(1, "a/b"))
        #expect(!head.hasSegment(0, "channel") && !head.hasSegment(0, "channelss"))
        #expect(!head.hasSegment(1, "a") && !head.hasSegment(2, ""))
    }

    /// Longer ones are decoded elsewhere.
    @Test(arguments: [255, 256, 257, 300])
    func `a segment of any length is decoded`(_ length: Int) throws {
        let plain = String(repeating: "a", count: length)
        let escaped = String(repeating: "%61", count: length)
        #expect(try head("/" + plain).segments.map(text) == [plain])
        #expect(try head("/" + escaped).segments.map(text) == [plain])
    }

    @Test func `the authority of a target in absolute form replaces Host`() throws {
        #expect(try head("http://b:81/c").host == "b:81")
        #expect(try head("/c").host == "a")
        #expect(try requestHead("GET /c HTTP/1.0\r\n\r\n").host == nil)
    }

    @Test func `the asterisk stands for the server, with OPTIONS alone`() throws {
        let options = try head("*", method: "OPTIONS")
        #expect(options.isAsterisk)
        #expect(options.path == [0x2A])
        #expect(options.segments == [[0x2A]])
        #expect(options.query == [])
        #expect(throws: HTTP1Error.asteriskWithoutOptions) { try head("*") }
        #expect(throws: HTTP1Error.malformedTarget) { try head("*/", method: "OPTIONS") }
    }

    @Test(arguments: [
        ("a", HTTP1Error.malformedTarget), ("a/b", .malformedTarget), ("?a", .malformedTarget),
        ("ftp://a/", .malformedTarget), ("http:/a", .malformedTarget), ("http:", .malformedTarget),
        ("a:80", .malformedTarget), ("http://", .malformedAuthority),
        ("http:///a", .malformedAuthority), ("http://u@a/", .malformedAuthority),
        ("http://u:p@a/", .malformedAuthority), ("http://a:b/", .malformedAuthority),
        ("http://a:65536/", .malformedAuthority), ("http://:80/", .malformedAuthority),
        ("/a#b", .fragmentInTarget), ("http://a/#", .fragmentInTarget),
        ("/é", .targetByte(0xC3)), ("/a\tb", .targetByte(9)),
    ])
    func `other targets are refused`(_ target: String, _ error: HTTP1Error) {
        #expect(throws: error) { try head(target) }
    }

    @Test func `a target of 8192 bytes passes, one of 8193 does not`() throws {
        let longest = "/" + String(repeating: "a", count: 8_191)
        #expect(try head(longest).path.count == 8_192)
        #expect(throws: HTTP1Error.targetTooLong(limit: 8_192, measured: 8_193)) {
            try head(longest + "a")
        }
    }

    @Test(arguments: [
        "a", "a.example", "a:80", "a:", "a_b", "127.0.0.1:65535", "[::1]", "[::1]:80", "%41", "a:0",
        "xn--bcher-kva.example", "[::ffff:1.2.3.4]:1",
    ])
    func `a Host of host and port passes`(_ host: String) throws {
        #expect(try requestHead("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").host == host)
    }

    @Test(arguments: [
        "", ":80", "a b", "a/b", "a@b", "a:b", "a:65536", "a:000080", "[::1", "[]", "::1", "[g]",
        "[::1]a", "a%4", "a%zz", "ä", "a\\b", "a, b", "http://a", "a:80:80", "[::1]:x", "a?",
        "\"a\"",
    ])
    func `another Host is refused`(_ host: String) {
        #expect(throws: HTTP1Error.malformedHost) {
            try requestHead("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        }
    }
}
