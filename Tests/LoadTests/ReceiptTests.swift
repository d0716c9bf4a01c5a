// Messages made, spoilt, and counted.

import Testing

@testable import carillon_bench

@Suite struct ReceiptTests {
    static let bytes = 64

    static func payload(_ sequence: UInt64, run: UInt32 = 7) -> [UInt8] {
        var book = PayloadBook(run: run, bytes: bytes)
        return Array(UnsafeRawBufferPointer(start: book.message(sequence), count: bytes))
    }

    /// What one subscriber's receipt says to `payloads`.
    static func take(_ payloads: [[UInt8]]) -> (tally: Tally, delivered: UInt64, done: UInt64) {
        let sentAt = UnsafeMutablePointer<UInt64>.allocate(capacity: Receipt.timesKept)
        sentAt.initialize(repeating: 0, count: Receipt.timesKept)
        defer { sentAt.deallocate() }
        var receipt = Receipt(
            book: PayloadBook(run: 7, bytes: bytes), sentAt: sentAt, audience: [1], window: 8)
        var order = OrderTracker()
        receipt.begin()
        for payload in payloads { payload.withUnsafeBytes { receipt.take($0, &order) } }
        receipt.end()
        return (receipt.tally, receipt.delivered, receipt.completed)
    }

    @Test func `messages in order are delivered and nothing else`() {
        let result = Self.take((0..<300).map { Self.payload($0) })
        #expect(result.tally == Tally())
        #expect(result.delivered == 300 && result.done == 300)
    }

    @Test(arguments: 0..<64)
    func `any changed byte shows`(_ place: Int) {
        var spoilt = Self.payload(0)
        spoilt[place] ^= 1
        let result = Self.take([spoilt])
        // A changed run makes it another run's message, which is no error but no delivery either.
        let isRun = (2..<10).contains(place)
        #expect(result.delivered == 0)
        #expect(result.tally == Tally(damaged: isRun ? 0 : 1))
    }

    @Test func `a cut or lengthened message is damaged`() {
        let whole = Self.payload(0)
        #expect(Self.take([Array(whole.dropLast())]).tally == Tally(damaged: 1))
        #expect(Self.take([whole + [0x61]]).tally == Tally(damaged: 1))
        #expect(Self.take([[]]).tally == Tally(damaged: 1))
    }

    @Test func `lost, doubled and late messages are counted, and hold the window`() {
        let result = Self.take([0, 2, 2, 1, 4].map { Self.payload($0) })
        #expect(result.tally == Tally(lost: 1, duplicated: 1, reordered: 1))
        #expect(result.delivered == 4 && result.done == 3)
    }

    @Test func `another run's message is nobody's fault`() {
        let result = Self.take([Self.payload(5, run: 8), Self.payload(0)])
        #expect(result.tally == Tally() && result.delivered == 1)
    }
}
