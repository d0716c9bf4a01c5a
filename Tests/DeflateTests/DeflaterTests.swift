import Bytes
import Deflate
import Testing

@Suite struct DeflaterTests {
    @Test(arguments: 9...15, [0, 1, 125, 126, 5000, 70_000, 300_000])
    func `what is deflated inflates to itself, for every window`(windowBits: Int, count: Int) throws
    {
        let payload = sample(count)
        let compressed = compress(payload, with: Deflater(windowBits: windowBits))
        #expect(try inflate(compressed) == payload)
    }

    @Test func `hello becomes the bytes of RFC 7692 §7.2.3.1`() {
        let compressed = compress(Array("Hello".utf8), with: Deflater(windowBits: 15))
        #expect(compressed == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
    }

    @Test func `an empty message becomes one byte, RFC 7692 §7.2.3.6`() {
        #expect(compress([], with: Deflater(windowBits: 15)) == [0x00])
    }

    @Test func `a message does not depend on those before it`() {
        let deflater = Deflater(windowBits: 15)
        let first = compress(sample(3000), with: deflater)
        #expect(compress(sample(3000), with: deflater) == first)
        _ = compress([], with: deflater)
        #expect(compress(sample(3000), with: deflater) == first)
    }

    @Test func `a message is appended to what the buffer holds`() {
        let buffer = ByteBuffer()
        buffer.append([1, 2, 3])
        let hello = Array("Hello".utf8)
        Deflater(windowBits: 15).compressMessage(hello.span, to: buffer)
        #expect(buffer.array() == [1, 2, 3, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
    }

    /// With a smaller window a repetition that lies further back is not found, so the peer, who
    /// keeps only that window, never needs it.
    @Test func `no window is reached over`() {
        let noise = Array(sample(1200)[300..<600])
        let payload = noise + noise
        let narrow = compress(payload, with: Deflater(windowBits: 9))
        let wide = compress(payload, with: Deflater(windowBits: 15))
        #expect(narrow.count > wide.count + 250)
    }

    @Test(arguments: [8, 16])
    func `windows outside 9…15 stop the program`(windowBits: Int) async {
        switch windowBits {
        case 8:
            await #expect(processExitsWith: .failure) { _ = Deflater(windowBits: 8) }
        default:
            await #expect(processExitsWith: .failure) { _ = Deflater(windowBits: 16) }
        }
    }
}
