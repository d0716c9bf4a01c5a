import Deflate
import Testing

@Suite struct InflaterTests {
    // RFC 7692 §7.2.3.1 to §7.2.3.6, without the examples that need context takeover.
    @Test(
        arguments: [
            // One block, fixed codes.
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            // §7.2.3.3: not compressed.
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            // §7.2.3.4: a final block, and the byte that completes the tail.
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            // §7.2.3.5: two blocks, joined by an empty one.
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
            // The final block alone, as careless senders leave it.
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        ] as [[UInt8]])
    func `the examples of RFC 7692 §7.2.3 say hello`(bytes: [UInt8]) throws {
        #expect(try inflate(bytes) == Array("Hello".utf8))
    }

    @Test(arguments: [[0x00], [0x02, 0x00], []] as [[UInt8]])
    func `empty messages inflate to nothing`(bytes: [UInt8]) throws {
        #expect(try inflate(bytes) == [])
    }

    @Test func `blocks after a final one go on, and refer back across it`() throws {
        // A final block with "Hello", then a match of length 5 at distance 5 (fixed codes: length
        // symbol 259, distance symbol 4 with one extra bit 0), end of block.
        let first: [UInt8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(try inflate(first + [0x02, 0x13, 0x00, 0x00]) == Array("HelloHello".utf8))
    }

    @Test func `a reference into the message before is corrupt`() throws {
        let inflater = Inflater()
        let first: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let second: [UInt8] = [0xF2, 0x00, 0x11, 0x00, 0x00]
        let hello = try inflater.inflateMessage(first.span, limit: 100)
        #expect(hello == Array("Hello".utf8))
        #expect(throws: InflateError.corrupt) {
            _ = try inflater.inflateMessage(second.span, limit: 100)
        }
    }

    @Test func `an inflater is as new after a corrupt message and after a bomb`() throws {
        let inflater = Inflater()
        let bad: [UInt8] = [0x06, 0x00]
        let good = compress(sample(40_000), with: Deflater(windowBits: 15))
        #expect(throws: InflateError.corrupt) {
            _ = try inflater.inflateMessage(bad.span, limit: 1 << 20)
        }
        #expect(throws: InflateError.tooLarge(limit: 100)) {
            _ = try inflater.inflateMessage(good.span, limit: 100)
        }
        let message = try inflater.inflateMessage(good.span, limit: 1 << 20)
        #expect(message == sample(40_000))
    }

    @Test(
        arguments: [
            // Block type 3; a stored length that is not its complement's; a distance before the
            // start.
            [0x06, 0x00], [0x00, 0x05, 0x00, 0x00, 0x00, 0x48], [0x02, 0x13, 0x00],
        ] as [[UInt8]])
    func `what is no DEFLATE data is corrupt`(bytes: [UInt8]) {
        #expect(throws: InflateError.corrupt) { _ = try inflate(bytes) }
    }

    @Test func `a message cut anywhere is corrupt`() throws {
        let whole = compress(
            Array("Hello, hello, hello and good-bye".utf8), with: .init(windowBits: 15))
        for cut in 1..<whole.count {
            #expect(throws: InflateError.corrupt, "cut at \(cut)") {
                _ = try inflate(Array(whole[..<cut]))
            }
        }
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func `a message at its limit is accepted, a byte more refused`(limit: Int) throws {
        let deflater = Deflater(windowBits: 15)
        let accepted = try inflate(compress(sample(limit), with: deflater), limit: limit)
        #expect(accepted.count == limit)
        #expect(throws: InflateError.tooLarge(limit: limit)) {
            _ = try inflate(compress(sample(limit + 1), with: deflater), limit: limit)
        }
    }

    @Test func `a bomb of 16 MiB stops at its limit`() {
        let bomb = compress(.init(repeating: 0, count: 16 << 20), with: Deflater(windowBits: 15))
        #expect(bomb.count < 20_000)
        #expect(throws: InflateError.tooLarge(limit: 65_536)) {
            _ = try inflate(bomb, limit: 65_536)
        }
    }
}
