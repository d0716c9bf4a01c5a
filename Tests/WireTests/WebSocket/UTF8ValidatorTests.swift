import Bytes
import Testing
import Wire

@Suite struct UTF8ValidatorTests {
    struct Row: CustomTestStringConvertible {
        var bytes: [UInt8]
        /// Bytes before the first impossible one; nil when there is none.
        var failsAfter: Int?
        var isComplete = true
        var testDescription: String {
            bytes.map { String($0, radix: 16, uppercase: true) }.joined(separator: " ")
        }
    }

    static let rows: [Row] = [
        Row(bytes: []),
        Row(bytes: Array("κόσμε".utf8)),
        Row(bytes: [0x00]), Row(bytes: [0x7F]),
        Row(bytes: [0xC2, 0x80]), Row(bytes: [0xDF, 0xBF]),
        Row(bytes: [0xE0, 0xA0, 0x80]), Row(bytes: [0xEF, 0xBF, 0xBF]),
        Row(bytes: [0xF0, 0x90, 0x80, 0x80]),
        // The two sides of the surrogates, and U+10FFFF.
        Row(bytes: [0xED, 0x9F, 0xBF]), Row(bytes: [0xEE, 0x80, 0x80]),
        Row(bytes: [0xF4, 0x8F, 0xBF, 0xBF]),
        // Overlong.
        Row(bytes: [0xC0, 0xAF], failsAfter: 0), Row(bytes: [0xC1, 0xBF], failsAfter: 0),
        Row(bytes: [0xE0, 0x80, 0xAF], failsAfter: 1),
        Row(bytes: [0xE0, 0x9F, 0xBF], failsAfter: 1),
        Row(bytes: [0xF0, 0x80, 0x80, 0xAF], failsAfter: 1),
        Row(bytes: [0xF0, 0x8F, 0xBF, 0xBF], failsAfter: 1),
        // Surrogates.
        Row(bytes: [0xED, 0xA0, 0x80], failsAfter: 1),
        Row(bytes: [0xED, 0xBF, 0xBF], failsAfter: 1),
        // Above U+10FFFF.
        Row(bytes: [0xF4, 0x90, 0x80, 0x80], failsAfter: 1),
        Row(bytes: [0xF5, 0x80, 0x80, 0x80], failsAfter: 0),
        Row(bytes: [0xF8], failsAfter: 0), Row(bytes: [0xFE], failsAfter: 0),
        Row(bytes: [0xFF], failsAfter: 0),
        // Continuation bytes on their own; a sequence broken off by another.
        Row(bytes: [0x80], failsAfter: 0), Row(bytes: [0x61, 0xBF], failsAfter: 1),
        Row(bytes: [0xC3, 0x41], failsAfter: 1), Row(bytes: [0xE2, 0x82, 0x41], failsAfter: 2),
        Row(bytes: [0xF0, 0x9F, 0x92, 0xC3], failsAfter: 3),
        Row(bytes: [0xC3, 0xA9, 0xA9], failsAfter: 2),
        // Broken off by the end.
        Row(bytes: [0xC3], isComplete: false), Row(bytes: [0xE2, 0x82], isComplete: false),
        Row(bytes: [0xF0, 0x9F, 0x92], isComplete: false),
        // Autobahn 6.4: κόσμε, then a code point above the range, then "edited".
        Row(
            bytes: Array("κόσμε".utf8) + [0xF4, 0x90, 0x80, 0x80] + Array("edited".utf8),
            failsAfter: 11),
    ]

    @Test(arguments: rows)
    func `text fails at its first impossible byte`(row: Row) {
        var validator = UTF8Validator()
        for (place, byte) in row.bytes.enumerated() {
            let piece = [byte]
            let isPossible = validator.feed(piece.span)
            #expect(isPossible == (row.failsAfter.map { place < $0 } ?? true), "byte \(place)")
        }
        #expect(validator.isComplete == (row.failsAfter == nil && row.isComplete))
    }

    @Test(arguments: [0x00, 0x41, 0x80, 0xC3, 0xFF] as [UInt8])
    func `what failed stays failed, whatever follows`(byte: UInt8) {
        var validator = UTF8Validator()
        for bytes in [[0xC3, 0x41], [byte], [byte, byte, 0x41, 0x41]] as [[UInt8]] {
            let isPossible = validator.feed(bytes.span)
            #expect(!isPossible)
            #expect(!validator.isComplete)
        }
    }

    @Test(arguments: rows)
    func `text is judged the same in one piece and in two, split anywhere`(row: Row) {
        let isValid = row.failsAfter == nil && row.isComplete
        let atOnce = isValidUTF8(row.bytes.span)
        #expect(atOnce == isValid)
        for cut in 0...row.bytes.count {
            var validator = UTF8Validator()
            let isPossible =
                validator.feed(row.bytes.span.extracting(0..<cut))
                && validator.feed(row.bytes.span.extracting(cut..<row.bytes.count))
            #expect(isPossible == (row.failsAfter == nil), "split at \(cut)")
            #expect((isPossible && validator.isComplete) == isValid, "split at \(cut)")
        }
    }

    @Test(arguments: rows)
    func `a text message is judged the same, in fragments split anywhere`(row: Row) {
        let isValid = row.failsAfter == nil && row.isComplete
        let expected: WebSocketOutcome =
            isValid
            ? .init(events: [.message(text: true, payload: row.bytes, compressed: false)])
            : .init(error: .invalidUTF8)
        for cut in 0...row.bytes.count {
            let bytes =
                frame(0x01, Array(row.bytes[..<cut])) + frame(0x80, Array(row.bytes[cut...]))
            #expect(WebSocketSettings().decode([bytes]) == expected, "split at \(cut)")
            #expect(WebSocketSettings().decode(bytes.map { [$0] }) == expected, "split at \(cut)")
        }
    }

    @Test(arguments: rows.filter { $0.failsAfter != nil })
    func `a text frame fails when its first impossible byte is in, not before`(row: Row) {
        let bytes = frame(0x81, row.bytes)
        let start = bytes.count - row.bytes.count
        let firstBad = start + row.failsAfter!
        #expect(WebSocketSettings().decode([Array(bytes[..<firstBad])]) == .init())
        #expect(WebSocketSettings().decode([Array(bytes[...firstBad])]).error == .invalidUTF8)
    }

    @Test func `every two bytes, and every three after E and F, are judged as Swift does`() {
        var different: [[UInt8]] = []
        func compare(_ bytes: [UInt8]) {
            var stepped = UTF8Validator()
            let isPossible = bytes.allSatisfy { byte in
                let piece = [byte]
                return stepped.feed(piece.span)
            }
            var whole = UTF8Validator()
            let isWholePossible = whole.feed(bytes.span)
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            if (isPossible && stepped.isComplete) != isValid
                || (isWholePossible && whole.isComplete) != isValid
            {
                different.append(bytes)
            }
        }
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                compare([first, second])
                guard first >= 0xE0 else { continue }
                for third in [0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF] as [UInt8] {
                    compare([first, second, third])
                    for fourth in [0x7F, 0x80, 0xBF, 0xC0] as [UInt8] {
                        compare([first, second, third, fourth])
                    }
                }
            }
        }
        #expect(different == [])
    }

    @Test func `a bad byte is found behind ASCII of any length`() {
        for count in 0...40 {
            let ascii = [UInt8](repeating: 0x61, count: count)
            let good = isValidUTF8(ascii.span)
            let bad = (ascii + [0xFF]) + ascii
            let badIsValid = isValidUTF8(bad.span)
            #expect(good)
            #expect(!badIsValid)
        }
    }
}
