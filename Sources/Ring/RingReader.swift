// One loop's place in the ring. What it is not: shared; it belongs to its loop.

import Synchronization

/// Reads every message, in order. Owner loop only: not `Sendable`, not copyable.
///
/// It keeps the ring alive. Dropping it closes it.
package struct RingReader: ~Copyable {
    /// All sequences up to here were read.
    package private(set) var position: UInt64
    private let ring: BroadcastRing
    private let index: Int
    private var isOpen = true

    init(ring: BroadcastRing, index: Int) {
        self.ring = ring
        self.index = index
        // Nobody has moved it: it is where the ring began.
        position = ring.readers[index].pointee.cursor.load(ordering: .relaxed)
    }

    deinit {
        if isOpen { Self.move(ring, index, to: BroadcastRing.Reader.closed) }
    }

    /// Whether the next message is in: published, not merely claimed.
    package var hasMore: Bool {
        // Acquiring for symmetry with `drain`, which loads again before it touches the message.
        // After `Sleepers.announceSleep`, that method's fence is what makes this answer final.
        isOpen && ring.slots.stamp(position + 1).pointee.load(ordering: .acquiring) == position + 1
    }

    /// Whether the message behind `sequence` is in. As ``hasMore``.
    ///
    /// - Parameter sequence: `position` or more.
    package func hasMore(after sequence: UInt64) -> Bool {
        assert(sequence >= position, "\(sequence) was read; this is at \(position)")
        return isOpen
            && ring.slots.stamp(sequence + 1).pointee.load(ordering: .acquiring) == sequence + 1
    }

    /// Looks at the messages behind `sequence`, as far as they are in, and reads none of them.
    ///
    /// - Parameters:
    ///   - sequence: `position` or more.
    ///   - body: gets each message, borrowed for the call. `false` ends the look.
    package func peek(after sequence: UInt64, _ body: (Message) -> Bool) {
        var next = sequence
        while hasMore(after: next) {
            next += 1
            // Stamped (A), seen in `hasMore`, and not released before our cursor has passed it.
            guard let message = ring.slots.message(next).pointee else {
                fatalError("slot of \(next) is stamped and empty")
            }
            if !message._withUnsafeGuaranteedRef({ body($0) }) { return }
        }
    }

    /// Reads up to `limit` messages, as far as they are in, and moves the cursor once at the end.
    ///
    /// - Parameters:
    ///   - limit: messages, 0 or more.
    ///   - body: gets each sequence and its message; the message is borrowed for the call (whoever
    ///     keeps it retains it, as always). `false` ends the drain; that message counts as read. It
    ///     may publish: the ring may then be full for want of this very drain.
    /// - Returns: how many messages were read, 0...limit.
    package mutating func drain(limit: Int, _ body: (UInt64, Message) -> Bool) -> Int {
        precondition(limit >= 0, "a limit of \(limit) messages")
        guard isOpen else { return 0 }
        var count = 0
        while count < limit {
            let next = position + 1
            // (A) Acquiring: pairs with the releasing store in `BroadcastRing.put`: the reference
            // in the slot and the message behind it are whole.
            guard ring.slots.stamp(next).pointee.load(ordering: .acquiring) == next else { break }
            guard let message = ring.slots.message(next).pointee else {
                fatalError("slot of \(next) is stamped and empty")
            }
            position = next
            count += 1
            // Held by the ring's own reference during the call: it is not released before our
            // cursor, stored below, has passed it.
            if !message._withUnsafeGuaranteedRef({ body(next, $0) }) { break }
        }
        if count > 0 { Self.move(ring, index, to: position) }
        return count
    }

    /// Reads no more and gates no more; what only this reader held back is released. A second time
    /// does nothing.
    package mutating func close() {
        guard isOpen else { return }
        isOpen = false
        Self.move(ring, index, to: BroadcastRing.Reader.closed)
    }

    /// Moves the cursor and gives back what no reader needs any more.
    ///
    /// Never inlined: what `body` retained must be retained before the cursor says that the ring's
    /// own reference may go, and the optimizer may move a retain behind an atomic store (see
    /// `retained`), but not behind a call that releases.
    @inline(never)
    private static func move(_ ring: BroadcastRing, _ index: Int, to cursor: UInt64) {
        // (B) Releasing: pairs with the acquiring load in `slowestCursor`: our reading is over.
        ring.readers[index].pointee.cursor.store(cursor, ordering: .releasing)
        ring.reclaim()
    }
}

/// A reader belongs to one loop; its cursor is written by that loop alone.
@available(*, unavailable)
extension RingReader: Sendable {}
