import Bytes
import Foundation
import Testing

@testable import Wire

private func object(_ text: String) throws(JSONError) -> JSONObject {
    try JSONObject(parsing: Array(text.utf8))
}

private func error(of text: String, keysMax: Int = 64) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONObject(parsing: Array(text.utf8), keysMax: keysMax)
        return nil
    } catch {
        return error
    }
}

@Suite struct JSONObjectTests {
    let command =
        #" {"op":"publish", "channel":"caf\u00e9" ,"data":{ "x":[1,{"op":2}] },"ref":7,"#
        + #""echo":false,"on":true,"names":[ "a" , "b\"c" ,"\uD83D\uDE00"],"none":null} "#

    @Test func `parsed anew, it has nothing of the text before`() throws {
        var found = try object(#"{"op":"publish","\u0061":1,"data":[1,2,3],"ref":7}"#)
        found.bytes = Array(#"{"op":"ping"}"#.utf8)
        try found.parse()
        #expect(found.keys == ["op"])
        #expect(try found.string("op") == "ping")
        #expect(found.kind("ref") == nil && found.kind("a") == nil)
    }

    @Test(arguments: ["{\"op\":1", "{\"a\":1,\"a\":2}", ""])
    func `after an error it has no members`(_ text: String) throws {
        var found = try object(#"{"op":"publish"}"#)
        found.bytes = Array(text.utf8)
        #expect(throws: JSONError.self) { try found.parse() }
        #expect(found.keys == [])
    }

    @Test(arguments: [(#""a""#, "a"), (#""""#, ""), (#""a\nb\u00e9""#, "a\nbé"), ("null", nil)])
    func `a string's bytes are the same in place as in a copy`(_ json: String, _ text: String?)
        throws
    {
        let found = try object(#"{"k":\#(json)}"#)
        var seen: [UInt8] = []
        let isThere = try found.withUTF8("k") { seen = array($0) }
        #expect(isThere == (text != nil))
        #expect(try found.utf8("k") == text.map { Array($0.utf8) })
        #expect(seen == Array((text ?? "").utf8))
        #expect(try !found.withUTF8("other") { _ in seen = [] })
    }

    /// It may be a message that is kept.
    @Test(arguments: [#"\u00e9"#, #"\ud83d\ude00"#, #"\/"#, #"a\n"#])
    func `a string's array has room for its text and hardly more`(_ piece: String) throws {
        let json = String(repeating: piece, count: 1_000)
        let text = try #require(try object(#"{"k":"\#(json)"}"#).utf8("k"))
        #expect(text.capacity < text.count + 64)
    }

    @Test(arguments: [
        (#"{"base64":"Zm9v"}"#, "foo"), (#" { "base64" : "Zm9v" } "#, "foo"),
        (#"{"\u0062ase64":"Zm9v"}"#, "foo"), (#"{"base64":"\u005am9v"}"#, "foo"),
        (#"{"base64":""}"#, ""), (#"{"base64":"Zm9v","a":1}"#, nil),
        (#"{"a":1,"base64":"Zm9v"}"#, nil), (#"{"base64":1}"#, nil), (#"{"base64":["Zm9v"]}"#, nil),
        (#"{"Base64":"Zm9v"}"#, nil), ("{}", nil), ("[]", nil), (#""base64""#, nil), ("7", nil),
        (#"{"a":"base64"}"#, nil), (#"{"base64":{"base64":"Zm9v"}}"#, nil),
    ])
    func `binary data is an object of base64 and nothing else`(_ json: String, _ text: String?)
        throws
    {
        let found = try object(#"{"first":"x","k":\#(json),"last":{"base64":"eA=="}}"#)
        #expect(try found.binary("k") == text.map { Array($0.utf8) })
    }

    @Test(arguments: [#"{"base64":"Zm9"}"#, #"{"base64":"Zm9\n"}"#, #"{"base64":"!!!!"}"#])
    func `base64 that is wrong is an error, not another object`(_ json: String) throws {
        let found = try object(#"{"k":\#(json)}"#)
        #expect(throws: Base64Error.self) { try found.binary("k") }
    }

    @Test func `each member is read by its type`() throws {
        let found = try object(command)
        #expect(found.keys == ["op", "channel", "data", "ref", "echo", "on", "names", "none"])
        #expect(try found.string("op") == "publish")
        #expect(try found.string("channel") == "café")
        #expect(try found.utf8("channel") == Array("café".utf8))
        #expect(try found.unsigned("ref") == 7)
        #expect(try found.bool("echo") == false)
        #expect(try found.bool("on") == true)
        #expect(try found.strings("names") == ["a", "b\"c", "😀"])
    }

    @Test func `a value's raw text is verbatim, without the space around it`() throws {
        let found = try object(command)
        let data = try #require(found.raw("data"))
        #expect(String(decoding: found.bytes[data], as: UTF8.self) == #"{ "x":[1,{"op":2}] }"#)
        let ref = try #require(found.raw("ref"))
        #expect(String(decoding: found.bytes[ref], as: UTF8.self) == "7")
        let none = try #require(found.raw("none"))
        #expect(String(decoding: found.bytes[none], as: UTF8.self) == "null")
    }

    @Test func `kinds are told apart`() throws {
        let found = try object(command)
        let kinds = [
            found.kind("op"), found.kind("data"), found.kind("ref"), found.kind("echo"),
            found.kind("names"), found.kind("none"), found.kind("absent"),
        ]
        #expect(kinds == [.string, .object, .number, .bool, .array, .null, nil])
    }

    @Test func `what is absent or null is nil, whatever is asked`() throws {
        let found = try object(#"{"none":null}"#)
        #expect(try found.string("none") == nil && found.string("absent") == nil)
        #expect(try found.utf8("none") == nil && found.utf8("absent") == nil)
        #expect(try found.unsigned("none") == nil && found.unsigned("absent") == nil)
        #expect(try found.bool("none") == nil && found.bool("absent") == nil)
        #expect(try found.strings("none") == nil && found.strings("absent") == nil)
        #expect(found.raw("absent") == nil)
    }

    @Test func `another type is an error that names key, type and place`() throws {
        let found = try object(#"{"a":1,"b":"x","c":["x",1],"d":[["x"]]}"#)
        #expect(throws: JSONError.wrongType(key: "a", wanted: .string, at: 5)) {
            try found.string("a")
        }
        #expect(throws: JSONError.wrongType(key: "b", wanted: .unsigned, at: 11)) {
            try found.unsigned("b")
        }
        #expect(throws: JSONError.wrongType(key: "a", wanted: .bool, at: 5)) {
            try found.bool("a")
        }
        #expect(throws: JSONError.wrongType(key: "b", wanted: .strings, at: 11)) {
            try found.strings("b")
        }
        #expect(throws: JSONError.wrongType(key: "c", wanted: .strings, at: 24)) {
            try found.strings("c")
        }
        #expect(throws: JSONError.wrongType(key: "d", wanted: .strings, at: 32)) {
            try found.strings("d")
        }
        #expect(
            JSONError.wrongType(key: "a", wanted: .string, at: 5).detail
                == "\"a\" must be a string, at byte 5")
    }

    static let numbers: [(String, UInt64?)] = [
        ("0", 0), ("7", 7), ("18446744073709551615", .max), ("18446744073709551616", nil),
        ("99999999999999999999", nil), ("100000000000000000000", nil), ("-1", nil), ("-0", nil),
        ("1.0", nil), ("1e3", nil),
    ]

    @Test(arguments: numbers)
    func `only whole numbers of 64 bits are unsigned`(text: String, value: UInt64?) throws {
        let found = try object("{\"n\":\(text)}")
        if let value {
            #expect(try found.unsigned("n") == value)
        } else {
            #expect(throws: JSONError.wrongType(key: "n", wanted: .unsigned, at: 5)) {
                try found.unsigned("n")
            }
        }
    }

    static let duplicates: [(String, Int)] = [
        (#"{"a":1,"a":1}"#, 7),
        (#"{"a":1,"b":2,"a":3}"#, 13),
        (#"{"a":1,"\u0061":2}"#, 7),
        (#"{"\u0061":1,"a":2}"#, 12),
        (#"{"\u0061b":1,"a\u0062":2}"#, 13),
        (#"{"":1,"":2}"#, 6),
    ]

    @Test(arguments: duplicates)
    func `a key that stands twice is refused, however it is written`(text: String, at: Int) {
        #expect(error(of: text) == .duplicateKey(at: at))
    }

    @Test func `keys inside members may be alike`() {
        #expect(error(of: #"{"a":{"a":1},"b":{"a":1}}"#) == nil)
    }

    @Test func `an escaped key is found by its text`() throws {
        let found = try object(#"{"\u006fp":"x","a\"b":1}"#)
        #expect(try found.string("op") == "x")
        #expect(try found.unsigned("a\"b") == 1)
        #expect(found.keys == ["op", "a\"b"])
    }

    @Test func `64 keys are accepted, 65 refused`() {
        let text = { (count: Int) in
            "{" + (0..<count).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
        }
        #expect(error(of: text(64)) == nil)
        let at = text(64).utf8.count
        #expect(error(of: text(65)) == .tooManyKeys(at: at, keysMax: 64))
    }

    static let others: [(String, JSONError)] = [
        ("[]", .notAnObject(at: 0)), (" 1", .notAnObject(at: 1)), ("", .unexpectedEnd(at: 0)),
        (" ", .unexpectedEnd(at: 1)), ("{} x", .trailingBytes(at: 3)),
        (#"{"a":1"#, .unexpectedEnd(at: 6)), ("x", .notAnObject(at: 0)),
    ]

    @Test(arguments: others)
    func `anything but one whole object is refused`(text: String, expected: JSONError) {
        #expect(error(of: text) == expected)
    }

    @Test func `an empty object has nothing`() throws {
        let found = try object("{}")
        #expect(found.keys.isEmpty)
        #expect(found.kind("a") == nil)
    }

    @Test(arguments: [UInt64](1...4))
    func `random members are read as Foundation reads them`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        for _ in 0..<100 {
            let text = random.text(scalars: 20)
            let words = (0..<5).map { random.text(scalars: $0) }
            let number = random.next()
            let json = try JSONSerialization.data(
                withJSONObject: ["text": text, "number": number, "words": words],
                options: .prettyPrinted)
            let found = try JSONObject(parsing: Array(json))
            #expect(try found.string("text") == text, "seed \(seed)")
            #expect(try found.unsigned("number") == number, "seed \(seed)")
            #expect(try found.strings("words") == words, "seed \(seed)")
        }
    }

    @Test(arguments: [UInt64](1...4))
    func `changed commands never trap`(seed: UInt64) {
        var random = TextRandom(seed: seed)
        let alphabet = Array(#"{}[]",:\u01 tfn"#.utf8)
        var acceptedCount = 0
        for _ in 0..<3000 {
            var text = Array(command.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: 0..<text.count, using: &random)
                text[at] = alphabet.randomElement(using: &random)!
            }
            guard let found = try? JSONObject(parsing: text) else { continue }
            acceptedCount += 1
            _ = try? found.string("op")
            _ = try? found.utf8("channel")
            _ = try? found.strings("names")
            _ = try? found.unsigned("ref")
            _ = try? found.bool("echo")
            _ = found.keys
        }
        #expect(acceptedCount > 100, "seed \(seed)")
    }
}
