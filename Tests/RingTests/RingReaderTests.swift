import Ring
import Testing

@Suite struct RingReaderTests {
    @Test(arguments: [(0, 0), (1, 1), (4, 4), (5, 5), (6, 5)])
    func `a drain reads up to its limit and what is there`(limit: Int, expected: Int) {
        let ring = BroadcastRing(slots: 8, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        for number in 1...5 { _ = ring.publish(numbered(UInt64(number))) }
        #expect(reader.drain(limit: limit) { _, _ in true } == expected)
        #expect(reader.position == UInt64(expected))
        #expect(reader.hasMore == (expected < 5))
        #expect(ring.lag(ofReader: 0) == UInt64(5 - expected))
    }

    @Test func `a drain that is told to stop counts the message it stopped at as read`() {
        let ring = BroadcastRing(slots: 8, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        for number in 1...5 { _ = ring.publish(numbered(UInt64(number))) }
        #expect(reader.drain(limit: 9) { sequence, _ in sequence < 3 } == 3)
        var rest: [UInt64] = []
        #expect(
            reader.drain(limit: 9) { sequence, _ in
                rest.append(sequence); return true
            } == 2)
        #expect(rest == [4, 5])
    }

    @Test func `a look ahead reads nothing, and sees what is in behind a sequence`() {
        let ring = BroadcastRing(slots: 8, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        for number in 1...5 { _ = ring.publish(numbered(UInt64(number))) }
        func seen(after sequence: UInt64, atMost count: Int) -> Int {
            var seen = 0
            reader.peek(after: sequence) { _ in
                seen += 1
                return seen < count
            }
            return seen
        }
        let counts = [
            seen(after: 0, atMost: 9), seen(after: 3, atMost: 9), seen(after: 1, atMost: 2),
        ]
        #expect(counts == [5, 2, 2])
        let (more, none) = (reader.hasMore(after: 4), reader.hasMore(after: 5))
        #expect(more && !none)
        #expect(reader.position == 0)
        #expect(ring.lag(ofReader: 0) == 5)
        #expect(reader.drain(limit: 9) { _, _ in true } == 5)
        #expect(seen(after: 5, atMost: 9) == 0)
    }

    @Test func `an empty ring has no more and drains nothing`() {
        let ring = BroadcastRing(slots: 2, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        #expect(reader.hasMore == false)
        #expect(reader.drain(limit: 9) { _, _ in true } == 0)
        #expect(reader.position == 0)
    }

    @Test func `an old lap's stamp is not taken for the next message`() {
        let ring = BroadcastRing(slots: 2, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        for number in 1...6 {
            _ = ring.publish(numbered(UInt64(number)))
            #expect(reader.drain(limit: 9) { _, _ in true } == 1)
            #expect(reader.hasMore == false)
        }
    }

    @Test func `a closed reader reads nothing, lags nothing and holds nothing back`() {
        let ring = BroadcastRing(slots: 2, readers: 2, bytesMax: 1 << 20)
        var stays = ring.makeReader(0)
        var goes = ring.makeReader(1)
        _ = ring.publish(numbered(1))
        _ = ring.publish(numbered(2))
        _ = stays.drain(limit: 9) { _, _ in true }
        #expect(ring.publish(numbered(3)) == .full)
        goes.close()
        #expect(ring.bytesHeld == 0)
        #expect(ring.publish(numbered(3)) == .published(3))
        #expect(goes.hasMore == false)
        #expect(goes.drain(limit: 9) { _, _ in true } == 0)
        #expect(ring.lag(ofReader: 1) == 0)
        #expect(ring.lag(ofReader: 0) == 1)
        goes.close()
        #expect(stays.drain(limit: 9) { _, _ in true } == 1)
    }

    @Test func `a reader that is dropped is closed`() {
        let ring = BroadcastRing(slots: 2, readers: 2, bytesMax: 1 << 20)
        var stays = ring.makeReader(0)
        do {
            var goes = ring.makeReader(1)
            _ = ring.publish(numbered(1))
            _ = stays.drain(limit: 9) { _, _ in true }
            #expect(goes.drain(limit: 0) { _, _ in true } == 0)
            #expect(ring.bytesHeld > 0)
        }
        #expect(ring.bytesHeld == 0)
    }

    @Test func `a negative limit stops the program`() async {
        await #expect(processExitsWith: .failure) {
            var reader = BroadcastRing(slots: 2, readers: 1, bytesMax: 1).makeReader(0)
            _ = reader.drain(limit: -1) { _, _ in true }
        }
    }
}
