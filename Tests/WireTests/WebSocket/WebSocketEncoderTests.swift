import Bytes
import Testing
import Wire

@Suite struct WebSocketEncoderTests {
    private func encoded(_ write: (ByteBuffer) -> Void) -> [UInt8] {
        let buffer = ByteBuffer()
        write(buffer)
        return buffer.array()
    }

    @Test(
        arguments: [
            (0, [0x82, 0x00]), (125, [0x82, 0x7D]), (126, [0x82, 0x7E, 0x00, 0x7E]),
            (65535, [0x82, 0x7E, 0xFF, 0xFF]), (65536, [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
            (1 << 40, [0x82, 0x7F, 0, 0, 1, 0, 0, 0, 0, 0]),
        ] as [(Int, [UInt8])])
    func `a length takes its shortest form`(count: Int, header: [UInt8]) {
        let bytes = encoded {
            WebSocketEncoder.appendHeader(.binary, payloadCount: count, to: $0)
        }
        #expect(bytes == header)
        #expect(WebSocketEncoder.headerCount(payloadCount: count) == header.count)
    }

    @Test(
        arguments: [
            (WebSocketOpcode.text, true, false, 0x81), (.text, true, true, 0xC1),
            (.text, false, true, 0x41), (.continuation, false, false, 0x00),
            (.continuation, true, false, 0x80), (.ping, true, false, 0x89),
            (.pong, true, false, 0x8A),
        ] as [(WebSocketOpcode, Bool, Bool, UInt8)])
    func `the first byte carries FIN, RSV1 and the opcode`(
        opcode: WebSocketOpcode, final: Bool, compressed: Bool, first: UInt8
    ) {
        let bytes = encoded {
            WebSocketEncoder.appendHeader(
                opcode, final: final, compressed: compressed, payloadCount: 0, to: $0)
        }
        #expect(bytes == [first, 0])
    }

    @Test func `the hello of RFC 6455 §5.7 is written, plain and masked`() {
        let hello = Array("Hello".utf8)
        let plain = encoded { WebSocketEncoder.appendFrame(.text, payload: hello.span, to: $0) }
        #expect(plain == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        let masked = encoded {
            WebSocketEncoder.appendMaskedFrame(
                .text, payload: hello.span, key: 0x3D21_FA37, to: $0)
        }
        #expect(masked == WebSocketDecoderTests.maskedHello)
    }

    @Test(arguments: [0, 1, 125, 126, 65535, 65536])
    func `what is written is read again, in both directions`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let expected = [
            WebSocketDecoder.Event.message(text: false, payload: payload, compressed: false)
        ]
        let plain = encoded { WebSocketEncoder.appendFrame(.binary, payload: payload.span, to: $0) }
        #expect(WebSocketSettings(role: .client).decode([plain]).events == expected)
        let masked = encoded {
            WebSocketEncoder.appendMaskedFrame(
                .binary, payload: payload.span, key: 0xDEAD_BEEF, to: $0)
        }
        #expect(WebSocketSettings(role: .server).decode([masked]).events == expected)
    }

    @Test(arguments: [
        // The character at the cut has 1, 2, 3, 4 bytes; each starts 0 to 3 bytes before it.
        ("", 0), (String(repeating: "a", count: 123), 123),
        (String(repeating: "a", count: 124), 123),
        (String(repeating: "a", count: 121) + "é", 123),
        (String(repeating: "a", count: 122) + "é", 122),
        (String(repeating: "a", count: 120) + "€", 123),
        (String(repeating: "a", count: 121) + "€", 121),
        (String(repeating: "a", count: 122) + "€", 122),
        (String(repeating: "a", count: 119) + "😀b", 123),
        (String(repeating: "a", count: 120) + "😀b", 120),
        (String(repeating: "a", count: 121) + "😀b", 121),
        (String(repeating: "a", count: 122) + "😀b", 122),
        (String(repeating: "é", count: 500), 122),
    ])
    func `a close reason is cut before the character that does not fit`(reason: String, count: Int)
    {
        let bytes = encoded { WebSocketEncoder.appendClose(code: 4401, reason: reason, to: $0) }
        let kept = Array(reason.utf8.prefix(count))
        let outcome = WebSocketSettings(role: .client).decode([bytes])
        #expect(outcome == .init(events: [.close(code: 4401, reason: kept)]))
        let masked = encoded {
            WebSocketEncoder.appendMaskedClose(code: 4401, reason: reason, key: 99, to: $0)
        }
        #expect(WebSocketSettings(role: .server).decode([masked]) == outcome)
    }

    @Test func `a close without a code has no payload`() {
        #expect(encoded { WebSocketEncoder.appendClose(code: nil, to: $0) } == [0x88, 0x00])
    }

    @Test func `writing a control frame of 126 bytes stops the program`() async {
        await #expect(processExitsWith: .failure) {
            WebSocketEncoder.appendHeader(.ping, payloadCount: 126, to: ByteBuffer())
        }
    }

    @Test func `writing a close code that may not be sent stops the program`() async {
        await #expect(processExitsWith: .failure) {
            WebSocketEncoder.appendClose(code: 1005, to: ByteBuffer())
        }
    }
}
