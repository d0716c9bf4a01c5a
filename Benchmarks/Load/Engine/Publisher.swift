// Frames messages and writes them to the publishing connections, as many at once as are due.

import Glibc

struct Publisher: ~Copyable {
    private struct Line {
        /// The connection's index among its thread's.
        let index: Int
        var turn = Publishing.Turn()
        var written = 0
        var isWatched = false
        var isDirty = false
    }

    private let publishing: Publishing
    private let streams: Streams
    private let timesMask: UInt64
    private var book: PayloadBook
    private let pace: Pace
    private var lines: [Line]
    /// Those that have something to write.
    private var dirty: [Int] = []
    private(set) var published: UInt64 = 0
    /// Open loop: when message 0 was due; 0 before the start.
    private var begin: UInt64 = 0

    /// - Parameter first: the index of the first publishing connection among its thread's.
    init(first: Int, plan: Plan, publishing: Publishing) {
        self.publishing = publishing
        streams = plan.streams
        timesMask = UInt64(plan.timesKept - 1)
        book = PayloadBook(run: plan.run, bytes: plan.bytes)
        pace = plan.pace
        lines = (0..<publishing.connections).map { Line(index: first + $0) }
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
        sentAt[Int(published & timesMask)] = time
        let message = UnsafeRawBufferPointer(start: book.message(published), count: book.bytes)
        let line = Int(published % UInt64(streams.count)) % lines.count
        publishing.append(message, published, to: &lines[line].turn)
        if !lines[line].isDirty {
            lines[line].isDirty = true
            dirty.append(line)
        }
        published += 1
    }

    mutating func flush(_ links: Links) throws(Failure) {
        guard !dirty.isEmpty else { return }
        for line in dirty { try flush(line, links) }
        dirty = dirty.filter { lines[$0].isDirty }
    }

    private mutating func flush(_ line: Int, _ links: Links) throws(Failure) {
        publishing.seal(&lines[line].turn)
        let index = lines[line].index
        lines[line].written = try links.write(
            index, lines[line].turn.bytes, from: lines[line].written)
        if lines[line].written == lines[line].turn.bytes.count {
            lines[line].turn.bytes.removeAll(keepingCapacity: true)
            lines[line].written = 0
            lines[line].isDirty = false
        }
        if lines[line].isWatched != lines[line].isDirty {
            lines[line].isWatched = lines[line].isDirty
            try links.watchWriting(index, lines[line].isWatched)
        }
    }
}
