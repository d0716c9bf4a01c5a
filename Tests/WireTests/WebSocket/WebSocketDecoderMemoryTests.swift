import Bytes
import Testing
import Wire

/// What a decoder holds, and how much work fragments make.
@Suite struct WebSocketDecoderMemoryTests {
    @Test func `a decoder is at most 64 bytes, and holds nothing while idle`() {
        #expect(MemoryLayout<WebSocketDecoder>.size <= 64)
        var decoder = WebSocketSettings().decoder()
        #expect(decoder.heldBytes == 0)
        let bytes = text("hello") + frame(0x89, [1])
        var offset = 0
        while (try? decoder.next(bytes.span, from: &offset)) != nil {}
        #expect(decoder.heldBytes == 0)
    }

    @Test func `announcing 16 MiB costs what has arrived and a bounded share more`() throws {
        var decoder = WebSocketSettings(limit: 16 << 20).decoder()
        let head: [UInt8] = [0x82, 0xFF, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4]
        var arrived = 0
        for piece in [head, [9], [8, 7], .init(repeating: 0, count: 60_000)] {
            var offset = 0
            let event = try decoder.next(piece.span, from: &offset)
            #expect(event == nil)
            arrived += piece.count
            let bound = 2 * arrived + WebSocketDecoder.reserveAheadBytesMax + 64
            #expect(decoder.heldBytes <= bound, "\(arrived) bytes have arrived")
        }
    }

    @Test func `a whole frame is unmasked into an array of its size`() throws {
        var decoder = WebSocketSettings().decoder()
        let bytes = frame(0x82, .init(repeating: 5, count: 5000))
        var offset = 0
        let event = try decoder.next(bytes.span, from: &offset)
        guard case .message(_, let payload, _) = event else {
            Issue.record("no message")
            return
        }
        // The allocator rounds up; a doubling would show.
        #expect(payload.capacity < 5100)
    }

    @Test func `nothing is held after a broken rule`() {
        var decoder = WebSocketSettings().decoder()
        let bytes = frame(0x01, .init(repeating: 0x41, count: 100)) + [0x83]
        var offset = 0
        #expect(throws: WebSocketError.reservedOpcode(3)) {
            _ = try decoder.next(bytes.span, from: &offset)
        }
        #expect(decoder.heldBytes == 0)
    }

    @Test(arguments: [0, 1])
    func `65,536 fragments are joined, moving each byte a bounded number of times`(size: Int) {
        var decoder = WebSocketSettings().decoder()
        let fragment = frame(0x00, .init(repeating: 0x61, count: size))
        var capacities: Set<Int> = []
        var bytes = frame(0x01, .init(repeating: 0x61, count: size))
        for _ in 1..<65_536 {
            var offset = 0
            let event = try? decoder.next(bytes.span, from: &offset)
            #expect(event == nil)
            capacities.insert(decoder.heldBytes)
            bytes = fragment
        }
        // The array moved each time its capacity changed: a logarithm of the bytes, not a share.
        #expect(capacities.count <= 20)
        let last = frame(0x80, .init(repeating: 0x61, count: size))
        var offset = 0
        let event = try? decoder.next(last.span, from: &offset)
        let payload = [UInt8](repeating: 0x61, count: size * 65_536)
        let isWhole = event == .message(text: true, payload: payload, compressed: false)
        #expect(isWhole)
    }
}
