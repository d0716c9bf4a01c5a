import Bytes
import Testing

@Suite struct ASCIITextTests {
    @Test func `a control byte is found at every offset, after every byte`() {
        for byte in UInt8.min...UInt8.max {
            let isControl = byte < 0x20 || byte == 0x7F
            for count in 1...20 {
                for at in 0..<count {
                    // 0x80 and 0x20 are next to what is looked for.
                    var bytes = [UInt8](repeating: at.isMultiple(of: 2) ? 0x20 : 0x80, count: count)
                    bytes[at] = byte
                    let found = firstControl(in: bytes.span, from: 0)
                    #expect(found == (isControl ? at : count))
                    let behind = firstControl(in: bytes.span, from: at + 1)
                    #expect(behind == count)
                }
            }
        }
    }

    @Test func `of two control bytes the first is found`() {
        for first in 0..<16 {
            for second in first..<16 {
                for (a, b) in [(0x00, 0x7F), (0x7F, 0x00), (0x1F, 0x0D)] as [(UInt8, UInt8)] {
                    var bytes = [UInt8](repeating: 0x80, count: 16)
                    bytes[second] = b
                    bytes[first] = a
                    let found = firstControl(in: bytes.span, from: 0)
                    #expect(found == first)
                }
            }
        }
    }

    @Test func `nothing holds no control byte`() {
        let none: [UInt8] = []
        let found = firstControl(in: none.span, from: 0)
        #expect(found == 0)
    }

    @Test(arguments: [
        ("Host", true), ("host", true), ("HOST", true), ("hos", false), ("hosts", false),
        ("hOsT", true), ("h\u{2F}st", false), ("", false), ("(ost", false),
    ])
    func `case is ignored, length is not`(_ text: String, _ isSame: Bool) {
        let bytes = Array(text.utf8)
        let found = equalIgnoringCase(bytes.span, "host")
        #expect(found == isSame)
    }

    @Test func `only letters have a case`() {
        for byte in UInt8.min...UInt8.max {
            let bytes = [byte]
            let isAt = equalIgnoringCase(bytes.span, "@")
            #expect(isAt == (byte == 0x40))
            let isBrace = equalIgnoringCase(bytes.span, "{")
            #expect(isBrace == (byte == 0x7B))
            let isZ = equalIgnoringCase(bytes.span, "z")
            #expect(isZ == (byte == 0x7A || byte == 0x5A))
            let isExactlyZ = equal(bytes.span, "z")
            #expect(isExactlyZ == (byte == 0x7A))
        }
    }
}
