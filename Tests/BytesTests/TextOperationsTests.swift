import Bytes
import Testing

@Suite struct TextOperationsTests {
    /// Each special byte, and each neighbour that must not be taken for one, at each place of a
    /// word, with every kind of neighbour above it.
    @Test func `the first byte that JSON must escape is found at every place`() {
        for length in 0..<20 {
            for place in 0..<length {
                for byte in UInt8.min...UInt8.max {
                    for filler: UInt8 in [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F, 0x80, 0xFF] {
                        var bytes = [UInt8](repeating: filler, count: length)
                        bytes[place] = byte
                        let special = byte < 0x20 || byte == 0x22 || byte == 0x5C
                        let found = endOfPlainJSON(in: bytes.span, from: 0)
                        if found != (special ? place : length) {
                            Issue.record("\(byte) at \(place) among \(filler): \(found)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test func `what stands before the start is not looked at`() {
        let bytes = Array("\"\"\"abc\"def\"".utf8)
        let found = endOfPlainJSON(in: bytes.span, from: 3)
        #expect(found == 6)
        let atEnd = endOfPlainJSON(in: bytes.span, from: bytes.count)
        #expect(atEnd == bytes.count)
    }

    @Test func `of two special bytes in one word the first is found`() {
        for second in 1..<8 {
            var bytes = [UInt8](repeating: 0x21, count: 8)
            bytes[0] = 0x01
            bytes[second] = 0x22
            let found = endOfPlainJSON(in: bytes.span, from: 0)
            #expect(found == 0)
            bytes[0] = 0x21
            let next = endOfPlainJSON(in: bytes.span, from: 0)
            #expect(next == second)
        }
    }

    @Test func `bytes equal a text only when they are that text`() {
        let bytes = Array("data".utf8)
        let results = [
            equal(bytes.span, "data"), equal(bytes.span, "datA"), equal(bytes.span, "dat"),
            equal(bytes.span, "datas"), equal(bytes.span, ""),
        ]
        #expect(results == [true, false, false, false, false])
    }

    @Test func `a buffer takes what a span was given`() {
        let buffer = ByteBuffer()
        buffer.append("ab")
        buffer.append(atMost: 1000) { output in
            output.append(UInt8(ascii: "c"))
            output.append(UInt8(ascii: "d"))
        }
        buffer.append(atMost: 0) { _ in }
        #expect(buffer.array() == Array("abcd".utf8))
    }

    @Test func `more than was asked for stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let buffer = ByteBuffer()
            buffer.append(atMost: 1) { output in
                output.append(1)
                output.append(2)
            }
        }
    }
}
