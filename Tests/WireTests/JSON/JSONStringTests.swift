import Bytes
import Foundation
import Testing

@testable import Wire

private func quoted(_ text: String) -> String {
    let buffer = ByteBuffer()
    appendJSONString(Array(text.utf8).span, to: buffer)
    return String(decoding: buffer.array(), as: UTF8.self)
}

private func oneLine(_ text: String) -> String {
    let buffer = ByteBuffer()
    appendJSONText(Array(text.utf8).span, to: buffer)
    return String(decoding: buffer.array(), as: UTF8.self)
}

private func unescaped(_ content: String) throws(JSONError) -> String {
    String(decoding: try unescapeJSON(Array(content.utf8).span), as: UTF8.self)
}

/// Without the quotation marks. By bytes: a combining mark may join the first one.
private func inside(_ json: some Collection<UInt8>) -> String {
    String(decoding: json.dropFirst().dropLast(), as: UTF8.self)
}

@Suite struct JSONStringTests {
    static let written: [(String, String)] = [
        ("", #""""#),
        ("plain", #""plain""#),
        ("\"", #""\"""#),
        (#"a\b"#, #""a\\b""#),
        ("\n\r\t", #""\n\r\t""#),
        (
            "\u{0}\u{1}\u{8}\u{9}\u{A}\u{B}\u{C}\u{F}",
            #""\u0000\u0001\u0008\t\n\u000b\u000c\u000f""#
        ),
        ("\u{10}\u{19}\u{1A}\u{1F}", #""\u0010\u0019\u001a\u001f""#),
        ("\u{7F}/é\u{2028}\u{2029}😀", "\"\u{7F}/é\u{2028}\u{2029}😀\""),
        (
            "long enough for words\nand then more of it\"",
            #""long enough for words\nand then more of it\"""#
        ),
    ]

    @Test(arguments: written)
    func `text is written with the escapes it needs and no other`(text: String, json: String) {
        #expect(quoted(text) == json)
    }

    static let read: [(String, String)] = [
        ("", ""),
        ("abc", "abc"),
        (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#"\u0041\u00e9\u20AC"#, "Aé€"),
        (#"\uD83D\uDE00\ud800\udc00\uDBFF\uDFFF"#, "😀\u{10000}\u{10FFFF}"),
        (#"x\u0000y"#, "x\u{0}y"),
        (#"\uFFFF\uD7FF\uE000"#, "\u{FFFF}\u{D7FF}\u{E000}"),
        (#"\\u0041"#, #"\u0041"#),
    ]

    @Test(arguments: read)
    func `each escape is read as what it stands for`(content: String, text: String) throws {
        #expect(try unescaped(content) == text)
    }

    @Test(arguments: [UInt64](1...4))
    func `random text comes back, from us and from Foundation`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        for length in 0..<200 {
            let text = random.text(scalars: length)
            let json = quoted(text)
            #expect(try unescaped(inside(json.utf8)).utf8.elementsEqual(text.utf8), "seed \(seed)")
            let foreign = try JSONSerialization.jsonObject(
                with: Data(json.utf8), options: .fragmentsAllowed)
            let same = (foreign as? String)?.utf8.elementsEqual(text.utf8)
            #expect(same == true, "seed \(seed)")
            let strict = Array(json.utf8)
            try validateJSON(strict.span)
        }
    }

    @Test(arguments: [UInt64](1...4))
    func `what Foundation writes is read back`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        for length in 0..<100 {
            let text = random.text(scalars: length)
            let json = try JSONSerialization.data(
                withJSONObject: text, options: .fragmentsAllowed)
            #expect(try unescaped(inside(json)).utf8.elementsEqual(text.utf8), "seed \(seed)")
        }
    }

    static let lines: [(String, String)] = [
        ("1", "1"),
        ("{\n\"a\": 1\r\n}", "{ \"a\": 1  }"),
        ("\r\r\n\n", "    "),
        (#"["a\nb"]"#, #"["a\nb"]"#),
        ("[1,\n2,\r3]\n", "[1, 2, 3] "),
    ]

    @Test(arguments: lines)
    func `line breaks between tokens become spaces`(json: String, line: String) {
        #expect(oneLine(json) == line)
    }

    @Test(arguments: [UInt64](1...4))
    func `JSON on one line means the same`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        for _ in 0..<200 {
            let json = random.json(depth: 4)
            let line = oneLine(json)
            #expect(!line.utf8.contains(0x0A) && !line.utf8.contains(0x0D), "seed \(seed)")
            let options = JSONSerialization.ReadingOptions.fragmentsAllowed
            let before = try JSONSerialization.jsonObject(with: Data(json.utf8), options: options)
            let after = try JSONSerialization.jsonObject(with: Data(line.utf8), options: options)
            #expect((before as? NSObject) == (after as? NSObject), "seed \(seed)")
        }
    }
}
