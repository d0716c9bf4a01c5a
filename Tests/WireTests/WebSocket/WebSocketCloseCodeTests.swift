import Testing
import Wire

@Suite struct WebSocketCloseCodeTests {
    /// Written from RFC 6455 §7.4.2 and the registry, as ranges with their verdict.
    static let table: [(codes: ClosedRange<UInt16>, isAllowed: Bool)] = [
        (0...999, false), (1000...1003, true), (1004...1006, false), (1007...1014, true),
        (1015...1015, false), (1016...2999, false), (3000...4999, true), (5000...65535, false),
    ]

    @Test func `every close code is accepted or refused as the table says`() {
        let settings = WebSocketSettings()
        for (codes, isAllowed) in Self.table {
            for code in codes {
                let outcome = settings.decode([
                    frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)])
                ])
                let expected: WebSocketOutcome =
                    isAllowed
                    ? .init(events: [.close(code: code, reason: [])])
                    : .init(error: .invalidCloseCode(code))
                #expect(outcome == expected)
            }
        }
    }
}
