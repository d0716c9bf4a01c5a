// What the account of one who follows several rooms makes of messages spoilt in every way.

import Testing

@testable import carillon_bench

@Suite struct RoomsTests {
    static let rooms = 4
    /// The rooms that the subscriber is in.
    static let followed: [UInt32] = [1, 3]

    /// One message: its number among all, and the room that the server says it is of.
    struct Sent {
        var sequence: UInt64
        var said: Int?
        var spoilt = false
    }

    /// Message `number` of `room`.
    static func sent(_ room: Int, _ number: Int, said: Int? = nil, spoilt: Bool = false) -> Sent {
        Sent(sequence: UInt64(number * rooms + room), said: said ?? room, spoilt: spoilt)
    }

    static func take(_ messages: [Sent]) -> (tally: Tally, delivered: UInt64, done: UInt64) {
        let sentAt = UnsafeMutablePointer<UInt64>.allocate(capacity: Receipt.timesKept)
        sentAt.initialize(repeating: 0, count: Receipt.timesKept)
        defer { sentAt.deallocate() }
        var receipt = Receipt(
            book: PayloadBook(run: 7, bytes: 64), sentAt: sentAt, audience: [0, 1, 0, 1], window: 8)
        var orders = [OrderTracker(), OrderTracker()]
        receipt.begin()
        for message in messages {
            var payload = ReceiptTests.payload(message.sequence)
            if message.spoilt { payload[40] ^= 1 }
            payload.withUnsafeBytes { bytes in
                orders.withUnsafeMutableBufferPointer { orders in
                    followed.withUnsafeBufferPointer {
                        receipt.take(bytes, said: message.said, orders, of: $0.baseAddress!)
                    }
                }
            }
        }
        receipt.end()
        return (receipt.tally, receipt.delivered, receipt.completed)
    }

    @Test func `messages in their rooms' order are delivered and nothing else`() {
        // Rooms have no order among each other.
        let result = Self.take([
            Self.sent(3, 0), Self.sent(1, 0), Self.sent(1, 1), Self.sent(3, 1), Self.sent(3, 2),
        ])
        #expect(result.tally == Tally() && result.delivered == 5)
        // Message 9 is the next of room 1, and the first that anybody waits for.
        #expect(result.done == 9)
    }

    @Test func `a lost message shows, in the room that lost it`() {
        let result = Self.take([Self.sent(1, 0), Self.sent(1, 2), Self.sent(3, 0)])
        #expect(result.tally == Tally(lost: 1) && result.delivered == 3)
        #expect(result.done == 5)
    }

    @Test func `a doubled message shows`() {
        let result = Self.take([Self.sent(1, 0), Self.sent(3, 0), Self.sent(1, 0)])
        #expect(result.tally == Tally(duplicated: 1) && result.delivered == 2)
    }

    @Test func `two messages of one room in the wrong order show`() {
        let result = Self.take([Self.sent(1, 1), Self.sent(3, 0), Self.sent(1, 0)])
        #expect(result.tally == Tally(reordered: 1) && result.delivered == 3)
    }

    @Test func `a changed byte shows`() {
        let result = Self.take([Self.sent(1, 0), Self.sent(3, 0, spoilt: true)])
        #expect(result.tally == Tally(damaged: 1) && result.delivered == 1)
    }

    @Test func `a message under another room's name shows`() {
        #expect(Self.take([Self.sent(1, 0, said: 3)]).tally == Tally(damaged: 1))
        #expect(Self.take([Self.sent(1, 0, said: -1)]).tally == Tally(damaged: 1))
    }

    @Test func `a message of a room that the subscriber is not in shows`() {
        #expect(Self.take([Self.sent(2, 0)]).tally == Tally(damaged: 1))
        #expect(Self.take([Sent(sequence: 0, said: nil)]).tally == Tally(damaged: 1))
    }
}
