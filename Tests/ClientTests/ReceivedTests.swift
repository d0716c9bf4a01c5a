// What the gateway's JSON becomes.

import Testing

@testable import Client

@Suite struct ReceivedTests {
    private func read(_ text: String) throws -> (Received?, position: String?) {
        var position: [UInt8]?
        let one = try received(json: Array(text.utf8), position: &position)
        return (one, position.map { String(decoding: $0, as: UTF8.self) })
    }

    @Test(arguments: [
        (#"{"id":"e-1","data":"a\nb \u00e9"}"#, "a\nb é"),
        (#"{"id":"e-1","data":{"base64":"AP8="}}"#, "\u{0}\u{FFFD}"),
        (#"{"id":"e-1","data":{"base64":"?"}}"#, #"{"base64":"?"}"#),
        (#"{"id":"e-1","data":{"base64":"AA==","x":1}}"#, #"{"base64":"AA==","x":1}"#),
        (#"{"id":"e-1","data": {"a" : [1, 2]} }"#, #"{"a" : [1, 2]}"#),
        (#"{"id":"e-1","data":null}"#, "null"), (#"{"id":"e-1","data":-1.5e3}"#, "-1.5e3"),
        (#"{"id":"e-1","data":""}"#, ""),
    ])
    func `an envelope gives the message's own bytes`(_ text: String, _ payload: String) throws {
        let (one, position) = try read(text)
        guard case .message(let message)? = one else {
            Issue.record("no message: \(text)")
            return
        }
        #expect(String(decoding: message.payload, as: UTF8.self) == payload)
        #expect(message.envelope == Array(text.utf8))
        #expect(position == "e-1")
    }

    @Test(
        arguments: [
            (#"{"gap":{"channel":"a"}}"#, .gap(channel: "a")),
            (#"{"gap":true}"#, .gap(channel: nil)),
            (#"{"expiring":30}"#, .notice("the token expires in 30 s")),
            (#"{"error":{"code":"full","message":"later"}}"#, .notice("the server reports: later")),
            (#"{"join":{"channel":"a","user":"u"}}"#, .notice("u has joined a")),
            (#"{"leave":{"channel":"a","user":"u"}}"#, .notice("u has left a")),
            (#"{"presence":{"channel":"a","users":{"u":1},"anonymous":0}}"#, nil),
            (#"{"ok":1}"#, nil), (#"{"join":"u","channel":"a"}"#, nil), ("{}", nil),
        ] as [(String, Received?)])
    func `what is no message is told apart`(_ text: String, _ expected: Received?) throws {
        #expect(try read(text).0 == expected)
    }

    @Test func `the answer to a subscription gives the position, but only where there is none`()
        throws
    {
        #expect(try read(#"{"ok":1,"channel":"a","id":"e-7"}"#).position == "e-7")
        var position: [UInt8]? = Array("e-9".utf8)
        _ = try received(json: Array(#"{"ok":1,"id":"e-7"}"#.utf8), position: &position)
        #expect(position == Array("e-9".utf8))
    }

    @Test(arguments: ["", "[]", "{", "nonsense", #"{"id":1,"data":1}"#])
    func `what is no JSON of the gateway is an error`(_ text: String) {
        #expect(throws: ClientError.self) { try read(text) }
    }

    @Test(
        arguments: [
            ("e-1", nil, "a\"b", #"{"id":"e-1","data":"a\"b"}"#),
            ("e-1", "greet", "x", #"{"id":"e-1","event":"greet","data":"x"}"#),
            ("", nil, #"{"base64":"AP8="}"#, #"{"id":"","data":{"base64":"AP8="}}"#),
        ] as [(String, String?, String, String)])
    func `an event of a stream gets an envelope`(
        _ id: String, _ event: String?, _ data: String, _ envelope: String
    ) {
        let message = ReceivedMessage(
            id: Array(id.utf8), event: event.map { Array($0.utf8) }, data: Array(data.utf8))
        #expect(String(decoding: message.envelope, as: UTF8.self) == envelope)
    }

    @Test(arguments: [
        ("[]", []), ("[ \n]", []), ("[1]", ["1"]),
        (
            "[1,[2,3],{\"a\":[4,5]}]",
            ["1", "[2,3]", "{\"a\":[4,5]}"]
        ),
        (#"["a,b","]\"[","\\"]"#, [#""a,b""#, #""]\"[""#, #""\\""#]),
    ])
    func `an array is split into its elements`(_ text: String, _ elements: [String]) {
        let bytes = Array(text.utf8)
        let found = jsonElements(bytes, in: 0..<bytes.count).map {
            String(decoding: bytes[$0], as: UTF8.self)
        }
        #expect(found == elements)
    }
}
