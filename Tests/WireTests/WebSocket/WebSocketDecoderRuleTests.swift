import Bytes
import Testing
import Wire

/// Every rule a peer can break, and the neighbour that breaks none.
@Suite struct WebSocketDecoderRuleTests {
    struct Breach: CustomTestStringConvertible {
        var bytes: [UInt8]
        var error: WebSocketError
        var settings = WebSocketSettings()
        var testDescription: String { "\(error)" }
    }

    static let breaches: [Breach] = [
        Breach(bytes: frame(0xC1, []), error: .reservedBits(4)),
        Breach(bytes: frame(0xA1, []), error: .reservedBits(2)),
        Breach(bytes: frame(0x91, []), error: .reservedBits(1)),
        Breach(bytes: frame(0xF1, []), error: .reservedBits(7), settings: .init(compression: true)),
        Breach(bytes: frame(0xC9, []), error: .reservedBits(4), settings: .init(compression: true)),
        Breach(
            bytes: frame(0x41, [1]) + frame(0xC0, []), error: .reservedBits(4),
            settings: .init(compression: true)),
        Breach(
            bytes: WebSocketTestFrame(first: 0x81, payload: [0x41], key: nil).bytes,
            error: .unmaskedClientFrame),
        Breach(
            bytes: frame(0x81, [0x41]), error: .maskedServerFrame, settings: .init(role: .client)),
        Breach(bytes: frame(0x89, .init(repeating: 0, count: 126)), error: .controlFrameTooLong),
        Breach(bytes: frame(0x8A, .init(repeating: 0, count: 65536)), error: .controlFrameTooLong),
        Breach(bytes: frame(0x09, []), error: .fragmentedControlFrame),
        Breach(bytes: frame(0x08, []), error: .fragmentedControlFrame),
        Breach(bytes: frame(0x80, []), error: .continuationWithoutStart),
        Breach(bytes: frame(0x00, []), error: .continuationWithoutStart),
        Breach(bytes: text("a") + frame(0x80, []), error: .continuationWithoutStart),
        Breach(bytes: text("a", final: false) + text("b"), error: .messageInsideMessage),
        Breach(bytes: frame(0x02, []) + frame(0x82, []), error: .messageInsideMessage),
        Breach(
            bytes: WebSocketTestFrame(
                first: 0x82, payload: .init(repeating: 0, count: 125), lengthBytes: 3
            ).bytes, error: .lengthNotMinimal(125)),
        Breach(
            bytes: WebSocketTestFrame(
                first: 0x82, payload: .init(repeating: 0, count: 65535), lengthBytes: 9
            ).bytes, error: .lengthNotMinimal(65535)),
        Breach(bytes: [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], error: .lengthTopBitSet),
        Breach(
            bytes: [0x82, 0xFF, 0x7F] + .init(repeating: 0xFF, count: 7),
            error: .messageTooLarge(limit: 1 << 20, measured: .max)),
        Breach(
            bytes: frame(0x02, [1]) + [0x80, 0xFF, 0x7F] + .init(repeating: 0xFF, count: 7),
            error: .messageTooLarge(limit: 1 << 20, measured: .max)),
        Breach(bytes: frame(0x81, [0xC3]), error: .invalidUTF8),
        Breach(bytes: frame(0x88, [0x03]), error: .closePayloadOfOneByte),
        Breach(bytes: frame(0x88, [0x03, 0xED]), error: .invalidCloseCode(1005)),
        Breach(bytes: frame(0x88, [0x03, 0xE8, 0xC3]), error: .invalidUTF8),
    ]

    @Test(arguments: breaches)
    func `a broken rule is named, wherever the bytes are split`(breach: Breach) {
        #expect(breach.settings.decode([breach.bytes]).error == breach.error)
        if breach.bytes.count < 1000 {
            #expect(breach.settings.cutsThatDiffer(breach.bytes) == [])
        }
    }

    @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func `reserved opcodes are refused`(opcode: UInt8) {
        let outcome = WebSocketSettings().decode([[0x80 | opcode]])
        #expect(outcome.error == .reservedOpcode(opcode))
    }

    @Test func `a control frame of 125 bytes is accepted, 126 refused`() {
        let payload = [UInt8](repeating: 0x61, count: 125)
        let accepted = WebSocketSettings().decode([frame(0x89, payload)])
        #expect(accepted.events == [.ping(payload)])
        let refused = WebSocketSettings().decode([frame(0x89, payload + [0x61])])
        #expect(refused == .init(error: .controlFrameTooLong))
    }

    @Test(arguments: [1, 125, 126, 65535, 65536])
    func `a message at its limit is accepted, a byte more refused`(limit: Int) {
        let settings = WebSocketSettings(limit: limit)
        let payload = [UInt8](repeating: 1, count: limit)
        #expect(settings.decode([frame(0x82, payload)]).events.count == 1)
        let refused = settings.decode([frame(0x82, payload + [1])])
        #expect(refused == .init(error: .messageTooLarge(limit: limit, measured: limit + 1)))
    }

    @Test func `fragments are summed: at the limit accepted, a byte more refused`() {
        let settings = WebSocketSettings(limit: 10)
        let start = frame(0x02, .init(repeating: 1, count: 6)) + frame(0x89, [1, 2, 3, 4, 5])
        let accepted = settings.decode([start + frame(0x80, [1, 2, 3, 4])])
        #expect(accepted.events.count == 2)
        let refused = settings.decode([start + frame(0x80, [1, 2, 3, 4, 5])])
        #expect(refused.error == .messageTooLarge(limit: 10, measured: 11))
    }

    @Test func `a message may follow another of the full size`() {
        let settings = WebSocketSettings(limit: 4)
        #expect(settings.decode([text("abcd") + text("efgh")]).events.count == 2)
    }

    @Test func `an oversized frame is refused at the last byte of its length`() {
        let settings = WebSocketSettings(limit: 1000)
        let bytes: [UInt8] = [0x82, 0xFE, 0x03, 0xE9]
        #expect(settings.decode([Array(bytes.dropLast())]).error == nil)
        #expect(settings.decode([bytes]).error == .messageTooLarge(limit: 1000, measured: 1001))
    }
}
