import Bytes
import Testing
import Wire

@Suite struct WebSocketDecoderTests {
    // RFC 6455 §5.7.
    static let maskedHello: [UInt8] = [
        0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
    ]

    @Test func `the masked hello of RFC 6455 §5.7 is read by a server`() {
        let outcome = WebSocketSettings().decode([Self.maskedHello])
        #expect(outcome.events == [message("Hello")])
        #expect(outcome.error == nil)
    }

    @Test func `a whole message comes in the memory that is offered, without what was in it`()
        throws
    {
        var decoder = WebSocketDecoder(role: .server, messageBytesMax: 100, compression: false)
        var spare = [UInt8](repeating: 9, count: 50)
        var offset = 0
        let event = try decoder.next(Self.maskedHello.span, from: &offset, reusing: &spare)
        #expect(event == message("Hello"))
        #expect(spare == [])
        guard case .message(_, let payload, _) = event else { return }
        #expect(payload.capacity >= 50)
    }

    @Test func `a message that is not whole takes no memory that is offered`() throws {
        let bytes = Self.maskedHello
        for split in 0..<bytes.count {
            var decoder = WebSocketDecoder(role: .server, messageBytesMax: 100, compression: false)
            var spare = [UInt8](repeating: 9, count: 50)
            var offset = 0
            let first = bytes.span.extracting(0..<split)
            let none = try decoder.next(first, from: &offset, reusing: &spare)
            #expect(none == nil && spare.count == 50 && decoder.heldBytes < 50, "at \(split)")
            offset = 0
            let rest = bytes.span.extracting(split..<bytes.count)
            let event = try decoder.next(rest, from: &offset, reusing: &spare)
            #expect(event == message("Hello"), "at \(split)")
        }
        // A fragment is not a message.
        var decoder = WebSocketDecoder(role: .server, messageBytesMax: 100, compression: false)
        var spare = [UInt8](repeating: 9, count: 50)
        let fragments = frame(0x01, [0x61]) + frame(0x80, [0x62])
        var offset = 0
        let event = try decoder.next(fragments.span, from: &offset, reusing: &spare)
        #expect(event == message("ab") && spare.count == 50)
    }

    @Test func `the unmasked examples of RFC 6455 §5.7 are read by a client`() {
        let bytes: [UInt8] =
            [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F] + [0x01, 0x03, 0x48, 0x65, 0x6C]
            + [0x80, 0x02, 0x6C, 0x6F] + [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]
            + [0x82, 0x7E, 0x01, 0x00] + [UInt8](repeating: 7, count: 256)
            + [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 9, count: 65536)
        let outcome = WebSocketSettings(role: .client).decode([bytes])
        #expect(
            outcome.events == [
                message("Hello"), message("Hello"), .ping(Array("Hello".utf8)),
                .message(text: false, payload: .init(repeating: 7, count: 256), compressed: false),
                .message(
                    text: false, payload: .init(repeating: 9, count: 65536), compressed: false),
            ])
    }

    @Test func `a fragmented conversation split at every byte is read the same`() {
        let bytes =
            frame(0x01, Array("é ü".utf8.prefix(4))) + frame(0x89, [1, 2, 3, 4, 5])
            + frame(0x00, []) + frame(0x8A, []) + frame(0x80, Array("é ü".utf8.dropFirst(4)))
            + frame(0x82, []) + frame(0x02, [0xFF]) + frame(0x80, .init(repeating: 8, count: 200))
            + frame(0x88, [0x03, 0xE8] + Array("böe".utf8))
        let settings = WebSocketSettings()
        #expect(
            settings.decode([bytes]).events == [
                .ping([1, 2, 3, 4, 5]), .pong([]), message("é ü"),
                .message(text: false, payload: [], compressed: false),
                .message(
                    text: false, payload: [0xFF] + .init(repeating: 8, count: 200),
                    compressed: false),
                .close(code: 1000, reason: Array("böe".utf8)),
            ])
        #expect(settings.cutsThatDiffer(bytes) == [])
    }

    @Test(arguments: [[0, 0, 0, 0], [1, 2, 3, 4], [255, 0, 255, 0]] as [[UInt8]])
    func `every key unmasks payloads of every length up to 20, split anywhere`(key: [UInt8]) {
        for count in 0...20 {
            let payload = (0..<count).map { UInt8($0 * 11) }
            let bytes = WebSocketTestFrame(first: 0x82, payload: payload, key: key).bytes
            let outcome = WebSocketSettings().decode([bytes])
            #expect(outcome.events == [.message(text: false, payload: payload, compressed: false)])
            #expect(WebSocketSettings().cutsThatDiffer(bytes) == [])
        }
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65535, 65536])
    func `a payload on either side of a length form is read`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let bytes = WebSocketTestFrame(first: 0x82, payload: payload).bytes
        let outcome = WebSocketSettings().decode([bytes])
        #expect(outcome.events == [.message(text: false, payload: payload, compressed: false)])
    }

    @Test func `an empty read gives nothing and changes nothing`() {
        #expect(WebSocketSettings().decode([[], Self.maskedHello, []]).events.count == 1)
    }

    @Test func `several frames of one read come out one at a time, in order`() throws {
        let bytes = text("a") + frame(0x89, [1]) + text("b")
        var decoder = WebSocketSettings().decoder()
        var offset = 0
        let first = try decoder.next(bytes.span, from: &offset)
        #expect(first == message("a"))
        #expect(offset == 7)
        let second = try decoder.next(bytes.span, from: &offset)
        #expect(second == .ping([1]))
        let third = try decoder.next(bytes.span, from: &offset)
        #expect(third == message("b"))
        #expect(offset == bytes.count)
    }

    @Test func `what follows a close frame is discarded`() throws {
        let bytes = frame(0x88, []) + text("late") + [0xFF, 0xFF]
        var decoder = WebSocketSettings().decoder()
        var offset = 0
        let close = try decoder.next(bytes.span, from: &offset)
        #expect(close == .close(code: nil, reason: []))
        let after = try decoder.next(bytes.span, from: &offset)
        #expect(after == nil)
        #expect(offset == bytes.count)
    }

    @Test func `what follows a broken rule is discarded`() throws {
        var decoder = WebSocketSettings().decoder()
        var offset = 0
        let bad: [UInt8] = [0x83]
        #expect(throws: WebSocketError.reservedOpcode(3)) {
            _ = try decoder.next(bad.span, from: &offset)
        }
        offset = 0
        let after = try decoder.next(Self.maskedHello.span, from: &offset)
        #expect(after == nil)
        #expect(offset == Self.maskedHello.count)
    }

    @Test func `compressed messages are marked, and their bytes not read as text`() {
        let payload: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let bytes =
            frame(0xC1, payload) + frame(0x41, [0xF2, 0x48, 0xCD])
            + frame(0x80, [0xC9, 0xC9, 0x07, 0x00]) + text("plain")
        let settings = WebSocketSettings(compression: true)
        let compressed = WebSocketDecoder.Event.message(
            text: true, payload: payload, compressed: true)
        #expect(settings.decode([bytes]).events == [compressed, compressed, message("plain")])
        #expect(settings.cutsThatDiffer(bytes) == [])
    }

    private func message(_ string: String) -> WebSocketDecoder.Event {
        .message(text: true, payload: Array(string.utf8), compressed: false)
    }
}
