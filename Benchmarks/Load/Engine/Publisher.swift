// Frames messages and writes them to the publisher's connection, as many at once as are due.

import Glibc

struct Publisher: ~Copyable {
    /// The connection's index among its thread's.
    let index: Int
    private var book: PayloadBook
    private let pace: Pace
    private var frames: [UInt8] = []
    private var written = 0
    private var isWatched = false
    private(set) var published: UInt64 = 0
    /// Open loop: when message 0 was due; 0 before the start.
    private var begin: UInt64 = 0

    init(index: Int, book: consuming PayloadBook, pace: Pace) {
        self.index = index
        self.book = book
        self.pace = pace
    }

    /// Publishes what is due now.
    ///
    /// - Parameter completed: how many messages all subscribers have received.
    /// - Returns: nanoseconds until more is due, as far as time alone decides.
    mutating func publish(
        now: UInt64, completed: UInt64, sentAt: UnsafeMutablePointer<UInt64>, _ links: Links
    ) throws(Failure) -> UInt64 {
        var wait: UInt64 = .max
        switch pace {
        case .window(let window):
            while published < completed + UInt64(window) { add(at: now, sentAt) }
        case .rate(let rate):
            if begin == 0 { begin = now }
            var due = begin + UInt64(Double(published) / rate * 1e9)
            while due <= now {
                add(at: due, sentAt)
                due = begin + UInt64(Double(published) / rate * 1e9)
            }
            wait = due - now
        case .none: break
        }
        try flush(links)
        return wait
    }

    private mutating func add(at time: UInt64, _ sentAt: UnsafeMutablePointer<UInt64>) {
        sentAt[Int(published & (Receipt.timesKept - 1))] = time
        let message = UnsafeRawBufferPointer(start: book.message(published), count: book.bytes)
        WebSocketFrames.append(message, first: 0x81, mask: .random(in: 0 ... .max), to: &frames)
        published += 1
    }

    mutating func flush(_ links: Links) throws(Failure) {
        guard written < frames.count else { return }
        written = try links.write(index, frames, from: written)
        if written == frames.count {
            frames.removeAll(keepingCapacity: true)
            written = 0
        }
        if isWatched != (written > 0) {
            isWatched = written > 0
            try links.watchWriting(index, isWatched)
        }
    }
}
