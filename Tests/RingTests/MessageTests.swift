import Ring
import Testing

@Suite struct MessageTests {
    @Test func `a message costs its payload, event, name and a constant`() {
        let bare = Message(channel: news, kind: .text, payload: [], timeMilliseconds: 0)
        let full = Message(
            channel: news, kind: .json, event: [1, 2, 3], payload: Array(repeating: 0, count: 1000),
            sender: 9, timeMilliseconds: 1, timeToLiveMilliseconds: 2)
        #expect(bare.cost == Message.overheadBytes + 4)
        #expect(full.cost == bare.cost + 3 + 1000)
    }

    @Test func `the constant covers the objects`() {
        typealias Fields = (
            ChannelName, UInt8, Message.Kind, [UInt8]?, [UInt8], UInt64, UInt64, UInt32, Int
        )
        let instance = 16 + MemoryLayout<Fields>.size
        // 32 bytes stand before an array's first element; each of the four allocations may be
        // rounded up and headed by 16 bytes.
        #expect(Message.overheadBytes >= instance + 3 * 32 + 4 * 16)
    }
}
