import Bytes
import Testing

@Suite struct ByteBufferTests {
    @Test func `what is appended comes back in order across a growth`() {
        let buffer = ByteBuffer(minimumCapacity: 1)
        for byte in 0..<200 { buffer.append(UInt8(byte)) }
        #expect(buffer.array() == (0..<200).map(UInt8.init))
        #expect(buffer.withSpan(10..<12) { [$0[0], $0[1]] } == [10, 11])
    }

    @Test(arguments: [0, 9, 10, 4_294_967_296, UInt64.max])
    func `a decimal is written as Swift writes it`(value: UInt64) {
        let buffer = ByteBuffer()
        buffer.append(decimal: value)
        #expect(buffer.array() == Array(String(value).utf8))
    }

    @Test func `big-endian numbers have their highest byte first`() {
        let buffer = ByteBuffer()
        buffer.append(bigEndian: UInt16(0x0102))
        buffer.append(bigEndian: UInt64(0x0304_0506_0708_090A))
        #expect(buffer.array() == (1...10).map(UInt8.init))
    }

    @Test func `clearing gives back what is above the kept capacity`() {
        let buffer = ByteBuffer(minimumCapacity: 1 << 20)
        buffer.append("x")
        buffer.removeAll(keeping: 4096)
        #expect(buffer.isEmpty)
        #expect(buffer.capacity == 4096)
    }

    @Test func `reading past the end stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let buffer = ByteBuffer()
            buffer.append(1)
            _ = buffer[1]
        }
    }
}

@Suite struct ByteOperationsTests {
    @Test func `masking in two pieces is the same as masking at once, at every split`() {
        let source = (0..<41).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let key: UInt32 = 0x4433_2211
        let expected = source.enumerated().map { $1 ^ [0x11, 0x22, 0x33, 0x44][$0 % 4] }
        for split in 0...source.count {
            var masked: [UInt8] = []
            let bytes = source.span
            appendMasked(bytes.extracting(0..<split), key: key, phase: 0, to: &masked)
            appendMasked(
                bytes.extracting(split..<source.count), key: key, phase: split, to: &masked)
            #expect(masked == expected, "split at \(split)")
        }
    }

    @Test func `the end of ASCII is found at every place`() {
        for place in 0..<20 {
            var bytes = [UInt8](repeating: 0x41, count: 20)
            bytes[place] = 0xC3
            let found = endOfASCII(in: bytes.span, from: 0)
            #expect(found == place)
        }
        let none = endOfASCII(in: [UInt8](repeating: 1, count: 20).span, from: 3)
        #expect(none == 20)
    }

    @Test func `a byte is found from the start asked for, or not at all`() {
        let bytes: [UInt8] = [1, 2, 3, 2]
        let second = firstIndex(of: 2, in: bytes.span, from: 2)
        let missing = firstIndex(of: 9, in: bytes.span, from: 0)
        #expect(second == 3)
        #expect(missing == nil)
    }
}
