// The one order of all messages: many writers, and every reader reads everything. What it is not:
// a history; a slot's message is gone once every reader has passed it.

import Synchronization

/// A gated broadcast ring: `slots` messages, `readers` cursors, a budget of bytes.
///
/// Sequences start behind `start`, rise by 1 and never repeat. A writer claims the next one, puts the message
/// into slot `sequence & (slots - 1)` and stamps the slot with the sequence. A reader reads the
/// slot that bears the stamp it waits for. Once every reader has passed a message, it is released
/// and `reclaimed` moves up; a writer claims only up to `reclaimed + slots`. Nothing waits: a
/// publish that finds no room is refused.
///
/// Who may touch a slot's message, for the message with sequence `s`:
///
/// 1. from the claim of `s` to its stamp: the writer that claimed it; 2. from the stamp to the
/// slowest cursor's passing `s`: all readers, reading; 3. from there to `reclaimed >= s`: the one
/// that holds the reclaiming lock; 4. from there: the writer that claims `s + slots`.
///
/// Each change of hands is a releasing store and an acquiring load, numbered (A) to (E) in the
/// comments: (A) the stamp, (B) a cursor, (C) `reclaimed`, (D) `reclaimedSeen`, (E) the lock.
///
/// Every reader gates from the start, whether made yet or not: what is published before a loop's
/// first turn is not lost to it. A closed reader gates no more.
package final class BroadcastRing: Sendable {
    package static let slotsMax = 1 << 24
    /// As many loops as a process may have, and one more that writes the durable history.
    package static let readersMax = 257
    /// Where sequences may start at most: ids of a log that goes on for years stay far below 2^63.
    package static let startMax: UInt64 = 1 << 62

    package enum Outcome: Sendable, Equatable {
        /// It is in the ring, under this sequence, for every reader.
        case published(UInt64)
        /// No slot, or not enough of the byte budget, at this time. Refused, not lost: drain, try
        /// once more, then say so to who published.
        case full
        /// The message costs more than the whole budget of `limit` bytes: it never will be taken.
        case tooLarge(limit: Int)
    }

    /// What writers write.
    struct Writers: ~Copyable, Sendable {
        /// The highest sequence claimed.
        let claimed: Atomic<UInt64>
        /// Some value that `reclaimed` has had: spares writers the line that reclaiming writes.
        let reclaimedSeen: Atomic<UInt64>
        /// Cost of all messages held or about to be, in bytes; 0...bytesMax.
        let bytesHeld = Atomic<Int>(0)

        init(start: UInt64) {
            claimed = Atomic(start)
            reclaimedSeen = Atomic(start)
        }
    }

    /// What a writer reads when the ring looks full to it.
    struct Reclaimed: ~Copyable, Sendable {
        /// The highest sequence whose message was released, and all before it.
        let sequence: Atomic<UInt64>

        init(start: UInt64) { sequence = Atomic(start) }
    }

    /// The reclaiming lock. Never waited for.
    struct ReclaimLock: ~Copyable, Sendable {
        /// 0: free. Otherwise held, and asked for this often since it was taken.
        let requests = Atomic<UInt64>(0)
        /// The reader last found slowest. For the holder only, which is why it may be relaxed.
        let slowest = Atomic<Int>(0)
    }

    /// What one reader writes.
    struct Reader: ~Copyable, Sendable {
        /// All sequences up to here were read; `closed` when it reads no more.
        let cursor: Atomic<UInt64>
        let isMade = Atomic<Bool>(false)
        /// Above every sequence, so that a closed reader is never the slowest.
        static var closed: UInt64 { .max }

        init(start: UInt64) { cursor = Atomic(start) }
    }

    let slots: RingSlots
    let bytesMax: Int
    let writers: PaddedArray<Writers>
    let reclaimed: PaddedArray<Reclaimed>
    let reclaimLock = PaddedArray(count: 1) { _ in ReclaimLock() }
    let readers: PaddedArray<Reader>

    /// - Parameters:
    ///   - slots: messages held at once, at most; a power of two, 2...16,777,216.
    ///   - readers: 1...257; each of them gates from now on until it is closed.
    ///   - bytesMax: sum of the costs of the messages held at once, at most; 1 or more.
    ///   - start: the first message's sequence is the next, 0...2^62. A slot's stamp is older than
    ///     any sequence that belongs there, since those begin at 1 at the earliest.
    package init(slots: Int, readers: Int, bytesMax: Int, start: UInt64 = 0) {
        precondition(slots >= 2 && slots <= Self.slotsMax, "\(slots) slots")
        precondition(slots & (slots - 1) == 0, "\(slots) slots, not a power of two")
        precondition(readers >= 1 && readers <= Self.readersMax, "\(readers) readers")
        precondition(bytesMax >= 1, "a budget of \(bytesMax) bytes")
        precondition(start <= Self.startMax, "a start of \(start)")
        self.slots = RingSlots(count: slots)
        self.bytesMax = bytesMax
        writers = PaddedArray(count: 1) { _ in Writers(start: start) }
        reclaimed = PaddedArray(count: 1) { _ in Reclaimed(start: start) }
        self.readers = PaddedArray(count: readers) { _ in Reader(start: start) }
    }

    /// Releases what is still held. Nobody else holds the ring, so that every publish has ended and
    /// every reader is gone; the reference count has ordered their work before this.
    deinit {
        let last = writers[0].pointee.claimed.load(ordering: .relaxed)
        var sequence = reclaimed[0].pointee.sequence.load(ordering: .relaxed)
        while sequence < last {
            sequence += 1
            // Retained by `put`, and not released before since it lies above `reclaimed`.
            slots.message(sequence).pointee?.release()
        }
    }

    /// Messages that it holds at once, at most.
    package var slotCount: Int { slots.count }

    /// Puts `message` at the end of the order. Any thread. Never waits.
    ///
    /// A full ring is reclaimed once and tried once more before it refuses.
    package func publish(_ message: Message) -> Outcome {
        guard message.cost <= bytesMax else { return .tooLarge(limit: bytesMax) }
        if let sequence = put(message) { return .published(sequence) }
        reclaim()
        if let sequence = put(message) { return .published(sequence) }
        return .full
    }

    /// The highest sequence claimed; before the first, where the ring started. Its message, and some before it, may still
    /// be on their way in. Any thread.
    package var published: UInt64 {
        // Acquiring, so that who has seen a sequence by any way sees a claim at least as high.
        writers[0].pointee.claimed.load(ordering: .acquiring)
    }

    /// Cost of the messages held, in bytes, including those about to be put in. Any thread.
    package var bytesHeld: Int {
        // A figure for people: it orders nothing.
        writers[0].pointee.bytesHeld.load(ordering: .relaxed)
    }

    /// Whether the messages held take a quarter of the budget of bytes, or more. Any thread.
    package var isQuarterFull: Bool { bytesHeld >= (bytesMax + 3) / 4 }

    /// Bytes that readers who sleep may leave unread between them, however large the budget: what is
    /// published meanwhile goes to fresh memory, and this much stays in a core's caches.
    package static let unreadBytesMax = 1 << 20

    /// Whether the messages that some reader has not read take a quarter of the slots, or of the
    /// budget of bytes, or ``unreadBytesMax``: whoever publishes wakes all who sleep. Any thread.
    package var isPressing: Bool {
        // First, and (C) acquiring: the claims of what was released are then seen, too, and the
        // difference is not negative.
        let released = reclaimed[0].pointee.sequence.load(ordering: .acquiring)
        return published - released >= UInt64(slots.count / 4) || isQuarterFull
            || bytesHeld >= Self.unreadBytesMax
    }

    /// How many messages reader `i` has still to read; 0 for a closed one. Any thread.
    package func lag(ofReader i: Int) -> UInt64 {
        // The cursor first, pairing with (B): the claim that the reader has passed is then seen
        // too, and the difference is not negative.
        let cursor = readers[i].pointee.cursor.load(ordering: .acquiring)
        guard cursor != Reader.closed else { return 0 }
        return published - cursor
    }

    /// The reader with this index, at the start of what is not yet reclaimed. Once per index; a
    /// second time stops the program.
    package func makeReader(_ index: Int) -> RingReader {
        // Relaxed: it guards nothing but itself.
        let wasMade = readers[index].pointee.isMade.exchange(true, ordering: .relaxed)
        precondition(!wasMade, "reader \(index) was made before")
        return RingReader(ring: self, index: index)
    }

    // MARK: - Claiming

    /// nil when there is no room.
    private func put(_ message: Message) -> UInt64? {
        guard reserve(message.cost) else { return nil }
        guard let sequence = claim() else {
            writers[0].pointee.bytesHeld.subtract(message.cost, ordering: .relaxed)
            return nil
        }
        // Ours alone: `claim` acquired the release of the slot's last message. The reference that
        // is retained here is released in `reclaim` or `deinit`, once.
        slots.message(sequence).pointee = retained(message)
        // (A) Releasing: pairs with the acquiring loads of the stamp in `RingReader.drain` and
        // `releaseMessages`, which then see the message and the reference to it.
        slots.stamp(sequence).pointee.store(sequence, ordering: .releasing)
        return sequence
    }

    /// Takes `cost` bytes of the budget, or nothing. All relaxed: the count guards no memory.
    private func reserve(_ cost: Int) -> Bool {
        let writers = writers[0]
        var held = writers.pointee.bytesHeld.load(ordering: .relaxed)
        while held <= bytesMax - cost {
            // A failure means that another thread got on: nobody spins on a thread that does not.
            let (done, now) = writers.pointee.bytesHeld.weakCompareExchange(
                expected: held, desired: held + cost, ordering: .relaxed)
            if done { return true }
            held = now
        }
        return false
    }

    /// Takes the next sequence, if its slot is free.
    private func claim() -> UInt64? {
        let writers = writers[0]
        var last = writers.pointee.claimed.load(ordering: .relaxed)
        while isFree(last + 1) {
            // Relaxed: the slot is ours by `isFree`'s acquire and by the exchange's being atomic;
            // nothing is published before the stamp. `reclaimed` only rises, so the slot is still
            // free if `last` is still the last.
            let (done, now) = writers.pointee.claimed.weakCompareExchange(
                expected: last, desired: last + 1, ordering: .relaxed)
            if done { return last + 1 }
            last = now
        }
        return nil
    }

    /// Whether the message that lay in `sequence`'s slot has been released.
    private func isFree(_ sequence: UInt64) -> Bool {
        let writers = writers[0]
        let lap = UInt64(slots.count)
        // (D) Acquiring: pairs with the releasing store below, on whichever thread, and so with (C)
        // before it.
        if sequence <= writers.pointee.reclaimedSeen.load(ordering: .acquiring) + lap {
            return true
        }
        // (C) Acquiring: pairs with the releasing store in `releaseMessages`: the slot's old
        // message is gone before ours comes.
        let now = reclaimed[0].pointee.sequence.load(ordering: .acquiring)
        // (D) Releasing: hands on what (C) gave us. An older value may overwrite a newer one; both
        // are true, and the older costs one more look.
        writers.pointee.reclaimedSeen.store(now, ordering: .releasing)
        return sequence <= now + lap
    }
}
