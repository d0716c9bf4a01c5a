import Foundation
import Testing

@testable import Wire

private func error(of text: [UInt8], depthMax: Int = 64) -> JSONError? {
    do throws(JSONError) {
        try validateJSON(text.span, depthMax: depthMax)
        return nil
    } catch {
        return error
    }
}

@Suite struct JSONScannerTests {
    static let accepted: [String] = [
        "null", "true", "false", "0", "-0", "7", "-12", "10", "1.5", "-0.0", "1e9", "1E+9",
        "0e0", "1.25e-10", "123456789012345678901234567890", #""""#, #""a""#, "[]", "{}",
        " \t\r\n0 \t\r\n", "[ ]", "{ }", "[1,2]", "[ 1 , 2 ]", #"{"":0}"#, #"{"a":{"b":[{}]}}"#,
        #"{ "a" : 1 , "b" : [ ] }"#, #""\"\\\/\b\f\n\r\t""#, #""\u0000\u007f\uFFFF\uabCD""#,
        #""\uD83D\ude00""#, #""\uD800\uDC00\uDBFF\uDFFF""#, "\"\u{7F}\u{80}\u{2028}é😀\"",
        #"{"a":1,"a":2}"#, #"["it's"]"#, #""\\u12""#, "[[],[[]],{}]",
    ]

    @Test(arguments: accepted)
    func `valid text is accepted`(text: String) {
        let found = error(of: Array(text.utf8))
        #expect(found == nil)
    }

    static let refused: [(String, JSONError)] = [
        ("", .unexpectedEnd(at: 0)),
        ("  ", .unexpectedEnd(at: 2)),
        ("nul", .unexpectedEnd(at: 3)),
        ("nulL", .unexpectedByte(0x4C, at: 3)),
        ("True", .unexpectedByte(0x54, at: 0)),
        ("truex", .trailingBytes(at: 4)),
        ("[falsy]", .unexpectedByte(0x79, at: 5)),
        ("NaN", .unexpectedByte(0x4E, at: 0)),
        ("Infinity", .unexpectedByte(0x49, at: 0)),
        ("-Infinity", .invalidNumber(at: 1)),
        ("'a'", .unexpectedByte(0x27, at: 0)),
        ("+1", .unexpectedByte(0x2B, at: 0)),
        (".5", .unexpectedByte(0x2E, at: 0)),
        ("-", .unexpectedEnd(at: 1)),
        ("--1", .invalidNumber(at: 1)),
        ("01", .invalidNumber(at: 1)),
        ("-01", .invalidNumber(at: 2)),
        ("1.", .unexpectedEnd(at: 2)),
        ("[1.]", .invalidNumber(at: 3)),
        ("1.e5", .invalidNumber(at: 2)),
        ("1e", .unexpectedEnd(at: 2)),
        ("1e+", .unexpectedEnd(at: 3)),
        ("[1e+]", .invalidNumber(at: 4)),
        ("1.2.3", .trailingBytes(at: 3)),
        ("0x10", .trailingBytes(at: 1)),
        ("1_000", .trailingBytes(at: 1)),
        ("1 2", .trailingBytes(at: 2)),
        ("{}{}", .trailingBytes(at: 2)),
        ("[1]]", .trailingBytes(at: 3)),
        ("[", .unexpectedEnd(at: 1)),
        ("[1", .unexpectedEnd(at: 2)),
        ("[1,", .unexpectedEnd(at: 3)),
        ("[1,]", .unexpectedByte(0x5D, at: 3)),
        ("[,1]", .unexpectedByte(0x2C, at: 1)),
        ("[1 2]", .unexpectedByte(0x32, at: 3)),
        ("[1}", .unexpectedByte(0x7D, at: 2)),
        ("]", .unexpectedByte(0x5D, at: 0)),
        ("{", .unexpectedEnd(at: 1)),
        (#"{"a""#, .unexpectedEnd(at: 4)),
        (#"{"a":"#, .unexpectedEnd(at: 5)),
        (#"{"a":1"#, .unexpectedEnd(at: 6)),
        (#"{"a":1,"#, .unexpectedEnd(at: 7)),
        (#"{"a":1,}"#, .unexpectedByte(0x7D, at: 7)),
        (#"{"a" 1}"#, .unexpectedByte(0x31, at: 5)),
        (#"{"a":}"#, .unexpectedByte(0x7D, at: 5)),
        (#"{"a":1]"#, .unexpectedByte(0x5D, at: 6)),
        ("{a:1}", .unexpectedByte(0x61, at: 1)),
        ("{1:1}", .unexpectedByte(0x31, at: 1)),
        ("{,}", .unexpectedByte(0x2C, at: 1)),
        ("// c\n1", .unexpectedByte(0x2F, at: 0)),
        ("[1 /* c */]", .unexpectedByte(0x2F, at: 3)),
        ("\"", .unexpectedEnd(at: 1)),
        ("\"abc", .unexpectedEnd(at: 4)),
        ("\"a\nb\"", .controlInString(0x0A, at: 2)),
        ("\"a\u{0}\"", .controlInString(0x00, at: 2)),
        ("\"\t\"", .controlInString(0x09, at: 1)),
        ("\"12345678\u{1F}\"", .controlInString(0x1F, at: 9)),
        (#""\x41""#, .invalidEscape(at: 1)),
        (#""ab\'""#, .invalidEscape(at: 3)),
        (#""\U0041""#, .invalidEscape(at: 1)),
        (#""\u12G4""#, .invalidEscape(at: 1)),
        (#""\u 123""#, .invalidEscape(at: 1)),
        (#""\u123""#, .invalidEscape(at: 1)),
        (#""\u123"#, .unexpectedEnd(at: 6)),
        (#""\"#, .unexpectedEnd(at: 2)),
        (#""\""#, .unexpectedEnd(at: 3)),
        (#""\uD800""#, .loneSurrogate(at: 1)),
        (#""\uDC00""#, .loneSurrogate(at: 1)),
        (#""\uD800\n""#, .loneSurrogate(at: 1)),
        (#""\uD800\uD800""#, .loneSurrogate(at: 1)),
        (#""\uD800\u0041""#, .loneSurrogate(at: 1)),
        (#""\uD83D\uDE00\uDE00""#, .loneSurrogate(at: 13)),
        (#""\uD800\uDC0x""#, .invalidEscape(at: 7)),
        (#""\uD800\u"#, .unexpectedEnd(at: 9)),
        (#""\uD800\"#, .unexpectedEnd(at: 8)),
        ("\u{FEFF}1", .unexpectedByte(0xEF, at: 0)),
        ("\u{A0}1", .unexpectedByte(0xC2, at: 0)),
        ("\u{B}1", .unexpectedByte(0x0B, at: 0)),
        ("1\u{0}", .trailingBytes(at: 1)),
    ]

    @Test(arguments: refused)
    func `invalid text is refused at the byte at fault`(text: String, expected: JSONError) {
        let found = error(of: Array(text.utf8))
        #expect(found == expected)
    }

    static let notUTF8: [([UInt8], Int)] = [
        ([0x22, 0xFF, 0x22], 1),
        ([0x22, 0x80, 0x22], 1),
        ([0x22, 0x61, 0xC0, 0x80, 0x22], 2),
        ([0x22, 0xE2, 0x82, 0x22], 1),
        ([0x22, 0xED, 0xA0, 0x80, 0x22], 1),
        ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
        ([0x5B, 0x22, 0x61, 0x22, 0x5D, 0xC3], 5),
    ]

    @Test(arguments: notUTF8)
    func `text that is not UTF-8 is refused at the first bad byte`(bytes: [UInt8], at: Int) {
        let found = error(of: bytes)
        #expect(found == .invalidUTF8(at: at))
    }

    @Test(arguments: [1, 2, 64, JSONScanner.depthCeiling])
    func `the deepest nesting is accepted, one more is refused`(depthMax: Int) {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let inner = close == "}" ? "0" : ""
            let text = { (levels: Int) in
                Array(
                    (String(repeating: open, count: levels) + inner
                        + String(repeating: close, count: levels)).utf8)
            }
            let deepest = error(of: text(depthMax), depthMax: depthMax)
            #expect(deepest == nil)
            let deeper = error(of: text(depthMax + 1), depthMax: depthMax)
            #expect(deeper == .tooDeep(at: depthMax * open.utf8.count, depthMax: depthMax))
        }
    }

    @Test func `siblings do not count as depth`() {
        let text = "[" + Array(repeating: "[[]]", count: 100).joined(separator: ",") + "]"
        let found = error(of: Array(text.utf8), depthMax: 3)
        #expect(found == nil)
    }

    @Test func `a depth limit out of range stops the program`() async {
        await #expect(processExitsWith: .failure) { _ = JSONScanner(depthMax: 0) }
        await #expect(processExitsWith: .failure) {
            _ = JSONScanner(depthMax: JSONScanner.depthCeiling + 1)
        }
    }

    @Test func `a limit is named in the error`() {
        #expect(JSONError.tooDeep(at: 9, depthMax: 8).detail.contains("8 levels"))
        #expect(JSONError.unexpectedByte(0x5D, at: 3).detail == "unexpected ']' at byte 3")
        #expect(JSONError.unexpectedByte(0x07, at: 3).detail == "unexpected 0x07 at byte 3")
    }

    @Test func `no beginning of a text in brackets is a text`() {
        let text = Array(#"{"a":[1.5e3,"x\u0041\ud83d\ude00",true,null,{"b":-0}],"c":false}"#.utf8)
        for end in 0..<text.count {
            let found = error(of: Array(text[..<end]))
            #expect(found == .unexpectedEnd(at: end))
        }
        let whole = error(of: text)
        #expect(whole == nil)
    }

    /// Foundation is laxer in a few places, so its refusal is what we must follow, not its consent.
    @Test(arguments: [UInt64](1...8))
    func `changed texts never trap, and what we accept Foundation reads`(seed: UInt64) {
        var random = TextRandom(seed: seed)
        var acceptedCount = 0
        for _ in 0..<400 {
            var text = Array(random.json(depth: 4).utf8)
            #expect(
                error(of: text) == nil, "seed \(seed): \(String(decoding: text, as: UTF8.self))")
            for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&text, &random) }
            guard error(of: text) == nil else { continue }
            acceptedCount += 1
            let read = try? JSONSerialization.jsonObject(
                with: Data(text), options: .fragmentsAllowed)
            if read == nil {
                Issue.record("seed \(seed): \(String(decoding: text, as: UTF8.self))")
            }
        }
        #expect(acceptedCount > 20, "seed \(seed)")
    }

    private func mutate(_ text: inout [UInt8], _ random: inout TextRandom) {
        let alphabet = Array(#"{}[]",:\u0189.eE+-tfn "#.utf8) + [0x00, 0x0A, 0x80, 0xC3, 0xFF]
        let at = Int.random(in: 0...text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text.insert(alphabet.randomElement(using: &random)!, at: at)
        case 1 where at < text.count: text.remove(at: at)
        case _ where at < text.count: text[at] = alphabet.randomElement(using: &random)!
        default: break
        }
    }
}
