// One thread's account of what its subscribers received: how many, when, and what was wrong.

import Glibc
import Histogram

struct Receipt: ~Copyable {
    /// How many publishing times are kept, where nobody needs more.
    static let timesKept = 1 << 16

    /// Microseconds.
    static let latencyMax: UInt64 = 120_000_000

    private(set) var tally = Tally()
    /// Messages received once each, by all subscribers together.
    private(set) var delivered: UInt64 = 0
    /// All messages below this one were received by all of this thread's subscribers. Kept only
    /// when there is a window.
    private(set) var completed: UInt64 = 0
    /// Microseconds from when a message was sent, or due, until it was read here.
    private(set) var latency = Histogram<UInt32>(highestTrackableValue: latencyMax)
    var isMeasuring = false

    private var book: PayloadBook
    private let sentAt: UnsafePointer<UInt64>
    private let timesMask: UInt64
    private let streams: UInt64
    /// How many subscribers follow each stream.
    private let audience: [UInt32]
    /// How many wait for message `completed`.
    private var awaited: UInt32
    private let counts: UnsafeMutablePointer<UInt32>?
    private let mask: UInt64
    private var now: UInt64 = 0
    private var pendingLatency: UInt64 = 0
    private var pendingCount: UInt32 = 0

    /// - Parameters:
    ///   - sentAt: `timesKept` publishing times, written by whoever publishes; message g's stands
    ///     at g modulo `timesKept`, a power of two.
    ///   - audience: how many of this thread's subscribers follow each stream; not 0 for all.
    ///   - window: the most messages that are on their way at once; 0: no matter.
    init(
        book: consuming PayloadBook, sentAt: UnsafePointer<UInt64>, timesKept: Int = timesKept,
        audience: [UInt32], window: Int
    ) {
        self.book = book
        self.sentAt = sentAt
        self.audience = audience
        timesMask = UInt64(timesKept - 1)
        streams = UInt64(audience.count)
        awaited = audience[0]
        var size: UInt64 = 1
        while size < window { size *= 2 }
        mask = size - 1
        counts = window > 0 ? .allocate(capacity: Int(size)) : nil
        counts?.initialize(repeating: 0, count: Int(size))
        if counts != nil, awaited == 0 { awaitNext() }
    }

    deinit { counts?.deallocate() }

    /// Comes before the messages of one read.
    @inline(__always)
    mutating func begin() { now = Clock.now() }

    /// Comes after them.
    @inline(__always)
    mutating func end() {
        guard pendingCount > 0 else { return }
        if isMeasuring { latency.record(pendingLatency / 1000, count: pendingCount) }
        pendingCount = 0
    }

    /// Takes one message that a subscriber received.
    @inline(__always)
    mutating func take(_ payload: UnsafeRawBufferPointer, _ order: inout OrderTracker) {
        let due = order.next
        let expected = book.message(due)
        if payload.count == book.bytes, memcmp(payload.baseAddress!, expected, book.bytes) == 0 {
            order.takeNext()
            count(due)
        } else {
            takeUnexpected(payload, &order)
        }
    }

    /// Takes one message that a subscriber received who follows several of many streams.
    ///
    /// - Parameters:
    ///   - said: the stream that the server says it is of, if it says so.
    ///   - orders: the subscriber's accounts, and `followed` the streams that they are of.
    mutating func take(
        _ payload: UnsafeRawBufferPointer, said: Int?,
        _ orders: UnsafeMutableBufferPointer<OrderTracker>, of followed: UnsafePointer<UInt32>
    ) {
        guard let sequence = readable(payload) else { return }
        let stream = Int(sequence % streams)
        guard stream == said ?? stream,
            let place = orders.indices.first(where: { followed[$0] == UInt32(stream) })
        else { return noteDamage() }
        judge(orders[place].take(sequence / streams), sequence)
    }

    /// Something came that should not have, or not like this.
    mutating func noteDamage() { tally.damaged += 1 }

    mutating func noteClosed() { tally.closed += 1 }

    /// At the end: a subscriber waits for `next`, and `published` messages there were.
    mutating func noteEnd(published: UInt64, next: UInt64, isConnected: Bool) {
        let missing = published > next ? published - next : 0
        if isConnected { tally.unfinished += missing } else { tally.lost += missing }
    }

    @inline(never)
    private mutating func takeUnexpected(
        _ payload: UnsafeRawBufferPointer, _ order: inout OrderTracker
    ) {
        guard let sequence = readable(payload) else { return }
        judge(order.take(sequence), sequence)
    }

    /// The sequence of a message whose every byte is right; nil when there is nothing to count, or
    /// when it was damaged, which is noted.
    private mutating func readable(_ payload: UnsafeRawBufferPointer) -> UInt64? {
        guard payload.count >= 2, payload[0] == 0x63, payload[1] == 0x62 else {
            noteDamage()
            return nil
        }
        // Of another run: retained by the server, nobody's fault.
        guard let sequence = book.sequence(of: payload) else { return nil }
        let expected = book.message(sequence)
        guard payload.count == book.bytes,
            memcmp(payload.baseAddress!, expected, book.bytes) == 0
        else {
            noteDamage()
            return nil
        }
        return sequence
    }

    private mutating func judge(_ verdict: OrderTracker.Verdict, _ sequence: UInt64) {
        switch verdict {
        case .inOrder: count(sequence)
        case .ahead(let missing):
            tally.lost += missing
            count(sequence)
        case .late:
            tally.lost -= 1
            tally.reordered += 1
            count(sequence)
        case .duplicate: tally.duplicated += 1
        }
    }

    @inline(__always)
    private mutating func count(_ sequence: UInt64) {
        delivered &+= 1
        let age = now &- sentAt[Int(sequence & timesMask)]
        if age != pendingLatency {
            end()
            pendingLatency = age
        }
        pendingCount &+= 1
        guard let counts else { return }
        counts[Int(sequence & mask)] &+= 1
        while counts[Int(completed & mask)] == awaited {
            counts[Int(completed & mask)] = 0
            awaitNext()
        }
    }

    /// Goes on to the next message that anybody here will receive.
    private mutating func awaitNext() {
        repeat {
            completed &+= 1
            awaited = audience[Int(completed % streams)]
        } while awaited == 0
    }
}
