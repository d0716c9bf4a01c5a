// Where a channel is, as people write it.

import Testing

@testable import Client

@Suite struct ServerURLTests {
    struct Sound: Sendable {
        let text: String
        let place: ServerURL.Place
        let isSecure: Bool
        let isWebSocket: Bool
        let target: String
        let host: String
    }

    static let sound = [
        Sound(
            text: "http://localhost:8080/channels/news",
            place: .tcp(host: "localhost", port: 8080), isSecure: false, isWebSocket: false,
            target: "/channels/news", host: "localhost:8080"),
        Sound(
            text: "https://gateway.test/channels/news",
            place: .tcp(host: "gateway.test", port: 443),
            isSecure: true, isWebSocket: false, target: "/channels/news", host: "gateway.test"),
        Sound(
            text: "WSS://gateway.test:443/channels/news?x=1",
            place: .tcp(host: "gateway.test", port: 443), isSecure: true, isWebSocket: true,
            target: "/channels/news?x=1", host: "gateway.test"),
        Sound(
            text: "ws://[::1]:65535/channels/a", place: .tcp(host: "::1", port: 65535),
            isSecure: false, isWebSocket: true, target: "/channels/a", host: "[::1]:65535"),
        Sound(
            text: "ws://127.0.0.1:/channels/a", place: .tcp(host: "127.0.0.1", port: 80),
            isSecure: false, isWebSocket: true, target: "/channels/a", host: "127.0.0.1"),
        Sound(
            text: "http+unix:/run/gateway.sock:/channels/a",
            place: .unix(path: "/run/gateway.sock"),
            isSecure: false, isWebSocket: false, target: "/channels/a", host: "localhost"),
        Sound(
            text: "wss+unix:/a:b:/channels/a:/b", place: .unix(path: "/a:b"),
            isSecure: true, isWebSocket: true, target: "/channels/a:/b", host: "localhost"),
        Sound(
            text: "http://h/channels?name=a&name=b", place: .tcp(host: "h", port: 80),
            isSecure: false, isWebSocket: false, target: "/channels?name=a&name=b", host: "h"),
    ]

    @Test(arguments: sound)
    func `a sound URL is taken apart`(_ sound: Sound) throws {
        let url = try ServerURL(sound.text)
        #expect(url.place == sound.place)
        #expect(url.isSecure == sound.isSecure)
        #expect(url.isWebSocket == sound.isWebSocket)
        #expect(url.target == sound.target)
        #expect(url.hostField == sound.host)
    }

    @Test(arguments: [
        ("", "a URL is wanted"), ("news", "a URL is wanted"),
        ("localhost:8080/channels/a", "a URL is wanted"),
        ("/channels/a:b", "a URL is wanted"), ("ftp://h/channels/a", "a URL is wanted"),
        ("http:/h/channels/a", "a URL is wanted"),
        ("http://h", "names no channel"), ("http://h/", "names no channel"),
        ("http://h?name=a", "names no channel"), ("http://h/?name=a", "names no channel"),
        ("http:///channels/a", "names no host"), ("http://:80/channels/a", "names no host"),
        ("http://a b/channels/a", "no host name"), ("http://h%41/channels/a", "no host name"),
        ("http://u:p@h/channels/a", "no user name"),
        ("http://h:0/channels/a", "no port"), ("http://h:65536/channels/a", "no port"),
        ("http://h:+80/channels/a", "no port"), ("http://h:000080/channels/a", "no port"),
        ("http://::1/channels/a", "in brackets"), ("http://[::1/channels/a", "no ']'"),
        ("http://[abc]/channels/a", "no IPv6"), ("http://[::1]80/channels/a", "no port"),
        ("http://[::1%251]/channels/a", "no IPv6"),
        ("http://h/channels/a#b", "no '#'"),
        ("http+unix:/run/s.sock/channels/a", "of a Unix socket is written"),
        ("http+unix:run/s.sock:/channels/a", "of a Unix socket is written"),
        ("http+unix:", "of a Unix socket is written"),
        ("http+unix:/run/s.sock:/", "names no channel"),
    ])
    func `what is no URL of a channel is refused with a reason`(_ text: String, _ reason: String) {
        #expect { try ServerURL(text) } throws: { "\($0)".contains(reason) }
    }

    @Test func `a socket's path of 107 bytes passes, and one of 108 does not`() {
        let path = "/" + String(repeating: "s", count: 106)
        #expect(throws: Never.self) { try ServerURL("http+unix:\(path):/channels/a") }
        #expect(throws: URLError.self) { try ServerURL("http+unix:\(path)s:/channels/a") }
    }

    @Test func `a URL of 8000 bytes passes, and one of 8001 does not`() {
        let start = "http://h/channels/"
        let text = start + String(repeating: "a", count: ServerURL.bytesMax - start.utf8.count)
        #expect(throws: Never.self) { try ServerURL(text) }
        #expect(throws: URLError.self) { try ServerURL(text + "a") }
    }

    @Test(arguments: [
        ("/channels/a", "event", "x", "/channels/a?event=x"),
        ("/channels/a?b=c", "event", "a b&=é/~", "/channels/a?b=c&event=a%20b%26%3D%C3%A9%2F~"),
        ("/channels/a", "event", "\u{1}", "/channels/a?event=%01"),
    ])
    func `a query item is added encoded`(
        _ target: String, _ name: String, _ value: String, _ result: String
    ) throws {
        #expect(try ServerURL("http://h" + target).target(adding: name, value) == result)
    }

    @Test(arguments: [
        ("/channels/a?timeout=5", true), ("/channels/a?x=1&timeout", true),
        ("/channels/a?timeouts=5", false), ("/channels/timeout=5", false),
    ])
    func `a query item is found by its whole name`(_ target: String, _ isThere: Bool) throws {
        #expect(try ServerURL("http://h" + target).hasQueryItem("timeout") == isThere)
    }

    @Test(
        arguments: [
            ("/channels/a", "a"), ("/channels/chat:1?x=y", "chat:1"), ("/channels/%C3%a9%2F", "é/"),
            ("/channels/é", "é"), ("/channels/a%2", nil), ("/channels/a%zz", nil),
            ("/channels/%", nil),
            ("/channels/a/messages", nil), ("/channels/", nil), ("/channels?name=a", nil),
            ("/chat", nil),
        ] as [(String, String?)])
    func `the channel's name is decoded`(_ target: String, _ name: String?) throws {
        let decoded = try ServerURL("http://h" + target).channelName
        #expect(decoded == name.map { Array($0.utf8) })
    }
}
