import Testing
import Wire

@Suite struct WebSocketErrorTests {
    static let table: [(WebSocketError, UInt16)] = [
        (.reservedBits(7), 1002), (.reservedOpcode(15), 1002), (.unmaskedClientFrame, 1002),
        (.maskedServerFrame, 1002), (.controlFrameTooLong, 1002), (.fragmentedControlFrame, 1002),
        (.continuationWithoutStart, 1002), (.messageInsideMessage, 1002),
        (.lengthNotMinimal(65535), 1002), (.lengthTopBitSet, 1002), (.closePayloadOfOneByte, 1002),
        (.invalidCloseCode(65535), 1002), (.invalidUTF8, 1007), (.corruptCompressedData, 1007),
        (.messageTooLarge(limit: .max, measured: .max), 1009),
        (.inflatedMessageTooLarge(limit: .max), 1009),
    ]

    @Test(arguments: table)
    func `an error has its close code, and a detail that fits in a close frame`(
        error: WebSocketError, code: UInt16
    ) {
        #expect(error.closeCode == code)
        #expect(error.detail.utf8.count <= WebSocketEncoder.closeReasonBytesMax)
        #expect(!error.detail.isEmpty)
    }

    @Test func `an oversized message's detail names the limit and the size`() {
        let detail = WebSocketError.messageTooLarge(limit: 65536, measured: 70000).detail
        #expect(detail == "message of at least 70000 bytes, limit is 65536")
    }
}
