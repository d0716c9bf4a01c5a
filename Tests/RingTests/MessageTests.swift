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
        // The instance, and three arrays of 32 bytes before their first element, each with up to 16
        // bytes of the allocator's.
        let instance = 16 + MemoryLayout<ChannelName>.size + 72
        #expect(Message.overheadBytes >= instance + 16 + 3 * 48)
    }
}
