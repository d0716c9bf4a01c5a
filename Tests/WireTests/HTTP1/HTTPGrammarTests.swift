import Testing

@testable import Wire

@Suite struct HTTPGrammarTests {
    @Test func `tokens are made of the bytes that RFC 9110 lists`() {
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let isAlphanumeric =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
            #expect(byte.isToken == (isAlphanumeric || marks.contains(byte)), "\(byte)")
        }
    }

    @Test func `digits have their values and nothing else has one`() {
        for byte in UInt8.min...UInt8.max {
            let character = Character(UnicodeScalar(byte))
            let expected = byte < 0x80 ? character.hexDigitValue.map(UInt8.init) : nil
            #expect(byte.hexDigitValue == expected, "\(byte)")
            #expect(byte.isDigit == (0x30...0x39).contains(byte), "\(byte)")
            let isControl = (byte < 0x20 && byte != 9) || byte == 0x7F
            #expect(byte.isForbiddenControl == isControl, "\(byte)")
        }
    }
}
