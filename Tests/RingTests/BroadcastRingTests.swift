import Synchronization
import Testing

@testable import Ring

@Suite struct BroadcastRingTests {
    /// Each number of slots with each place of the first message in them.
    static let layouts = [2, 4, 8, 16].flatMap { slots in (0..<slots).map { (slots, $0) } }

    @Test(arguments: layouts)
    func `a ring is full at exactly its slots, wherever it starts`(slots: Int, start: Int) {
        let ring = BroadcastRing(slots: slots, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        for number in 0..<start {
            #expect(ring.publish(numbered(UInt64(number))) == .published(UInt64(number + 1)))
            #expect(reader.drain(limit: 1) { _, _ in true } == 1)
        }
        for number in start..<start + slots {
            #expect(ring.publish(numbered(UInt64(number))) == .published(UInt64(number + 1)))
        }
        #expect(ring.publish(numbered(0)) == .full)
        #expect(ring.published == UInt64(start + slots))
    }

    @Test(arguments: layouts)
    func `reading so many makes room for just as many`(slots: Int, read: Int) {
        let ring = BroadcastRing(slots: slots, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        while case .published = ring.publish(numbered(0)) {}
        #expect(reader.drain(limit: read) { _, _ in true } == read)
        for _ in 0..<read {
            guard case .published = ring.publish(numbered(0)) else {
                Issue.record("full too early")
                return
            }
        }
        #expect(ring.publish(numbered(0)) == .full)
    }

    @Test(arguments: [1, 2, 3, 4, 5, (1 << 32) - 2, 1 << 32, 1 << 62] as [UInt64])
    func `a ring that starts behind an earlier life goes on with the next sequence`(start: UInt64) {
        let ring = BroadcastRing(slots: 4, readers: 2, bytesMax: 1 << 20, start: start)
        #expect(ring.published == start)
        var early = ring.makeReader(0)
        #expect(early.position == start)
        #expect(early.hasMore == false)
        #expect(early.drain(limit: 9) { _, _ in true } == 0)
        for lap in 0..<3 {
            let base = start + UInt64(lap) * 4
            for number in 1...4 as ClosedRange<UInt64> {
                #expect(ring.publish(numbered(base + number)) == .published(base + number))
            }
            #expect(ring.publish(numbered(0)) == .full)
            #expect(ring.lag(ofReader: 0) == 4)
            var seen: [UInt64] = []
            #expect(
                early.drain(limit: 9) { sequence, message in
                    if isWhole(message) { seen.append(sequence) }
                    return true
                } == 4)
            #expect(seen == (1...4).map { base + $0 })
            if lap == 0 {
                // The other gates from the start as well, made or not.
                #expect(ring.publish(numbered(0)) == .full)
                var late = ring.makeReader(1)
                #expect(late.drain(limit: 9) { _, _ in true } == 4)
                late.close()
            }
            #expect(ring.bytesHeld == 0)
        }
    }

    @Test func `a ring that starts late releases what it holds when it ends`() {
        weak var unread: Message?
        do {
            let ring = BroadcastRing(slots: 4, readers: 1, bytesMax: 1 << 20, start: 1_001)
            unread = publishWeak(ring)
            #expect(unread != nil)
        }
        #expect(unread == nil)
    }

    @Test func `a start above 2^62 stops the program`() async {
        await #expect(processExitsWith: .failure) {
            _ = BroadcastRing(slots: 2, readers: 1, bytesMax: 1, start: 1 << 62 + 1)
        }
    }

    @Test func `the byte budget is taken to its last byte and no further`() {
        let ring = BroadcastRing(slots: 8, readers: 1, bytesMax: 1500)
        var reader = ring.makeReader(0)
        #expect(ring.publish(costing(700)) == .published(1))
        #expect(ring.publish(costing(801)) == .full)
        #expect(ring.bytesHeld == 700)
        #expect(ring.publish(costing(800)) == .published(2))
        #expect(ring.bytesHeld == 1500)
        #expect(ring.publish(costing(300)) == .full)
        #expect(reader.drain(limit: 1) { _, _ in true } == 1)
        #expect(ring.bytesHeld == 800)
        #expect(ring.publish(costing(701)) == .full)
        #expect(ring.publish(costing(700)) == .published(3))
    }

    @Test func `a publish without a slot gives its bytes back`() {
        let ring = BroadcastRing(slots: 2, readers: 1, bytesMax: 1500)
        #expect(ring.publish(costing(300)) == .published(1))
        #expect(ring.publish(costing(300)) == .published(2))
        #expect(ring.publish(costing(300)) == .full)
        #expect(ring.bytesHeld == 600)
    }

    @Test func `a message above the whole budget is too large, not full`() {
        let ring = BroadcastRing(slots: 2, readers: 1, bytesMax: 1000)
        #expect(ring.publish(costing(1001)) == .tooLarge(limit: 1000))
        #expect(ring.published == 0)
        #expect(ring.publish(costing(1000)) == .published(1))
    }

    @Test(arguments: [1, 2, 3])
    func `many laps with random batches read as written`(readers: Int) {
        var random = Random.printed()
        let ring = BroadcastRing(slots: 16, readers: readers, bytesMax: 1 << 20)
        var cursors = Array(repeating: UInt64(0), count: readers)
        var rig = Rig(ring, readers: readers)
        var written: UInt64 = 0
        for _ in 0..<2000 {
            let batch = UInt64.random(in: 0...16, using: &random)
            let room = 16 - (written - (cursors.min() ?? 0))
            for _ in 0..<min(batch, room) {
                written += 1
                #expect(ring.publish(numbered(written)) == .published(written))
            }
            if batch > room { #expect(ring.publish(numbered(0)) == .full) }
            let index = Int.random(in: 0..<readers, using: &random)
            let limit = Int.random(in: 0...20, using: &random)
            let got = rig.drain(index, limit: limit)
            let expected = min(UInt64(limit), written - cursors[index])
            #expect(got == Array(cursors[index]..<cursors[index] + expected).map { $0 + 1 })
            cursors[index] += expected
            #expect(ring.lag(ofReader: index) == written - cursors[index])
        }
        #expect(written > 160)
    }

    @Test func `a message leaves with the slowest reader and not before`() {
        let ring = BroadcastRing(slots: 4, readers: 2, bytesMax: 1 << 20)
        var fast = ring.makeReader(0)
        var slow = ring.makeReader(1)
        weak let first = publishWeak(ring)
        weak let second = publishWeak(ring)
        #expect(fast.drain(limit: 9) { _, _ in true } == 2)
        #expect(first != nil)
        #expect(slow.drain(limit: 1) { _, _ in true } == 1)
        #expect(first == nil)
        #expect(second != nil)
        #expect(slow.drain(limit: 1) { _, _ in true } == 1)
        #expect(second == nil)
        #expect(ring.bytesHeld == 0)
    }

    @Test func `a message lives during the call that reads it, whatever that publishes`() {
        let ring = BroadcastRing(slots: 2, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        weak let message = publishWeak(ring)
        var outcomes: [BroadcastRing.Outcome] = []
        let count = reader.drain(limit: 1) { _, borrowed in
            outcomes = (0..<2).map { _ in ring.publish(numbered(0)) }
            return isWhole(borrowed)
        }
        #expect(count == 1)
        #expect(outcomes == [.published(2), .full])
        #expect(message == nil)
    }

    @Test func `who keeps a message has it after the ring has let go`() {
        let ring = BroadcastRing(slots: 2, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        _ = ring.publish(numbered(7))
        var kept: Message?
        #expect(
            reader.drain(limit: 1) {
                kept = $1; return true
            } == 1)
        #expect(ring.bytesHeld == 0)
        #expect(kept.map(isWhole) == true)
    }

    @Test func `a ring that ends releases what it holds`() {
        weak var read: Message?
        weak var unread: Message?
        do {
            let ring = BroadcastRing(slots: 4, readers: 2, bytesMax: 1 << 20)
            var reader = ring.makeReader(0)
            for _ in 0..<7 {
                _ = ring.publish(numbered(0))
                _ = reader.drain(limit: 1) { _, _ in true }
            }
            read = publishWeak(ring)
            unread = read
            #expect(ring.publish(numbered(0)) == .full)
        }
        #expect(read == nil)
        #expect(unread == nil)
    }

    @Test func `with all readers closed a ring takes everything and keeps at most its slots`() {
        let ring = BroadcastRing(slots: 4, readers: 2, bytesMax: 1 << 20)
        var one = ring.makeReader(0)
        do { _ = ring.makeReader(1) }
        one.close()
        for number in 1...100 {
            #expect(ring.publish(numbered(0)) == .published(UInt64(number)))
            #expect(ring.bytesHeld <= 4 * numbered(0).cost)
        }
    }

    @Test func `a reader not yet made gates too, and then reads from the first`() {
        let ring = BroadcastRing(slots: 2, readers: 2, bytesMax: 1 << 20)
        var early = ring.makeReader(0)
        _ = ring.publish(numbered(1))
        _ = ring.publish(numbered(2))
        #expect(early.drain(limit: 9) { _, _ in true } == 2)
        #expect(ring.publish(numbered(3)) == .full)
        var late = ring.makeReader(1)
        var seen: [UInt64] = []
        #expect(
            late.drain(limit: 9) { sequence, _ in
                seen.append(sequence); return true
            } == 2)
        #expect(seen == [1, 2])
        #expect(ring.publish(numbered(3)) == .published(3))
    }

    @Test func `a claim whose message is not in yet holds back what comes after it`() {
        let ring = BroadcastRing(slots: 4, readers: 1, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        // A writer that was stopped between its claim and its stamp.
        ring.writers[0].pointee.claimed.store(1, ordering: .relaxed)
        #expect(ring.publish(numbered(2)) == .published(2))
        #expect(reader.hasMore == false)
        #expect(reader.drain(limit: 9) { _, _ in true } == 0)
        #expect(ring.lag(ofReader: 0) == 2)
        // With no reader left it must not be run over either.
        reader.close()
        #expect(ring.bytesHeld == numbered(2).cost)
    }

    @Test func `the ring presses once a reader is a quarter of the slots behind`() {
        let ring = BroadcastRing(slots: 16, readers: 2, bytesMax: 1 << 20)
        var reader = ring.makeReader(0)
        var slow = ring.makeReader(1)
        for number in 1...3 as ClosedRange<UInt64> { _ = ring.publish(numbered(number)) }
        _ = reader.drain(limit: 3) { _, _ in true }
        #expect(!ring.isPressing)
        _ = ring.publish(numbered(4))
        _ = reader.drain(limit: 1) { _, _ in true }
        #expect(ring.isPressing)
        _ = slow.drain(limit: 1) { _, _ in true }
        #expect(!ring.isPressing)
    }

    /// A quarter of the budget, rounded up, or a mebibyte.
    @Test(arguments: [(40_000, 10_000), (39_997, 10_000), (1 << 30, 1 << 20)])
    func `the ring presses once so many bytes are not read`(bytesMax: Int, bytes: Int) {
        for cost in [bytes - 1, bytes] {
            let ring = BroadcastRing(slots: 16, readers: 1, bytesMax: bytesMax)
            let payload = cost - Message.overheadBytes - news.bytes.count
            let message = Message(
                channel: news, kind: .binary, payload: Array(repeating: 0, count: payload),
                timeMilliseconds: 0)
            #expect(message.cost == cost)
            _ = ring.publish(message)
            #expect(ring.isPressing == (cost == bytes))
        }
    }

    @Test(arguments: [(0, 1), (1, 1), (3, 1), ((1 << 24) + 1, 1), (1 << 25, 1), (2, 0), (2, 258)])
    func `so many slots and readers stop the program`(slots: Int, readers: Int) async {
        await #expect(processExitsWith: .failure) { [slots, readers] in
            _ = BroadcastRing(slots: slots, readers: readers, bytesMax: 1)
        }
    }

    @Test(arguments: [(2, 1), (2, 257)])
    func `so many slots and readers are taken`(slots: Int, readers: Int) {
        #expect(BroadcastRing(slots: slots, readers: readers, bytesMax: 1).published == 0)
    }

    @Test func `the same reader made twice stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let ring = BroadcastRing(slots: 2, readers: 2, bytesMax: 1)
            _ = ring.makeReader(1)
            _ = ring.makeReader(1)
        }
    }

    /// Publishes and returns what only the ring holds then.
    func publishWeak(_ ring: BroadcastRing) -> Message? {
        let message = numbered(5)
        _ = ring.publish(message)
        return message
    }
}

/// Up to three readers, chosen by a number: noncopyable values do not go into an array.
private struct Rig: ~Copyable {
    var one: RingReader
    var two: RingReader?
    var three: RingReader?

    init(_ ring: BroadcastRing, readers: Int) {
        one = ring.makeReader(0)
        two = readers > 1 ? ring.makeReader(1) : nil
        three = readers > 2 ? ring.makeReader(2) : nil
    }

    /// The sequences read; a message that is not what was written under its sequence is left out.
    mutating func drain(_ index: Int, limit: Int) -> [UInt64] {
        var seen: [UInt64] = []
        let note: (UInt64, Message) -> Bool = { sequence, message in
            if isWhole(message), message.timeMilliseconds == sequence { seen.append(sequence) }
            return true
        }
        switch index {
        case 0: _ = one.drain(limit: limit, note)
        case 1: _ = two?.drain(limit: limit, note)
        default: _ = three?.drain(limit: limit, note)
        }
        return seen
    }
}
