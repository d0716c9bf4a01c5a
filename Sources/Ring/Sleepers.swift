// Who must be woken. What it is not: the waking, which the loops' own handles do; nor the question
// who is to read what, which is ``Interest``.

import Synchronization

/// A set of the loops that sleep, so that wake-ups cost nothing while loops are busy.
///
/// A loop that is about to block and a thread that has just published must not miss each other. The
/// loop:
///
///     sleepers.announceSleep(me)                       // flag, fence
///     if reader.hasMore || !mailbox.isEmpty { sleepers.awake(me); go on }
///     block; then sleepers.awake(me)
///
/// The publisher, once per turn:
///
///     ring.publish(…); mailbox.post(…)                 // as many as there are
///     sleepers.take(calls, except: me) { wake($0) }    // fence, flags
///
/// The forbidden outcome: the loop does not see the message and the publisher does not see the
/// flag. Each side writes its own word and then reads the other's, with a sequentially consistent
/// fence between. The fences are in one total order: whichever comes second, its side sees what the
/// other wrote before the first. So at least one of the two sees the other, and a message is either
/// read or followed by a wake-up. No weaker order will do: a store and a later load of another word
/// may change places, on x86-64 too.
///
/// A loop that leaves messages in the ring until a time that it knows says so before the same fence,
/// and is not called for them. What it then looks at is not whether there are any, but whether the
/// ring fills up: who publishes into a ring that does calls everybody, with the same two orders.
package final class Sleepers: Sendable {
    /// As many loops as a process may have, and the reader that writes the durable history.
    package static let loopsMax = 257

    /// 64 loops.
    private struct Word: ~Copyable, Sendable {
        let sleeping = Atomic<UInt64>(0)
        /// Of those, the ones that leave messages where they are.
        let leaving = Atomic<UInt64>(0)
    }

    private let loops: Int
    /// Each word in lines of its own.
    private let words: PaddedArray<Word>

    /// - Parameter loops: 1...257; all are awake.
    package init(loops: Int) {
        precondition(loops >= 1 && loops <= Self.loopsMax, "\(loops) loops")
        self.loops = loops
        words = PaddedArray(count: (loops + 63) / 64) { _ in Word() }
    }

    /// Says that `loop` is about to block. Loop `loop` only.
    ///
    /// Afterwards it must look at its ring reader and its mailbox once more before it blocks.
    ///
    /// - Parameter leavesMessages: it need not be woken for messages. Its look at the ring is then
    ///   whether that fills up.
    package func announceSleep(_ loop: Int, leavesMessages: Bool = false) {
        let (word, bit) = place(loop)
        if leavesMessages { words[word].pointee.leaving.bitwiseOr(bit, ordering: .relaxed) }
        words[word].pointee.sleeping.bitwiseOr(bit, ordering: .relaxed)
        // Pairs with the fence in `take` and `Interest.addFollowers`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Says that `loop` is up. Loop `loop` only, after it blocked or when it need not.
    package func awake(_ loop: Int) {
        let (word, bit) = place(loop)
        // Relaxed: who saw the flag before this wakes a loop that is up, which does no harm; who
        // sees it gone published before the loop's next look, which follows `announceSleep`.
        words[word].pointee.sleeping.bitwiseAnd(~bit, ordering: .relaxed)
        // Likewise: before the loop's next fence, and who still sees it after that published before
        // the look.
        if words[word].pointee.leaving.load(ordering: .relaxed) & bit != 0 {
            words[word].pointee.leaving.bitwiseAnd(~bit, ordering: .relaxed)
        }
    }

    /// Takes those that sleep of the loops called, but `except`, and calls `body` for each, in
    /// rising order. Any thread, after it has published and posted, once per turn.
    ///
    /// Of several callers exactly one gets a loop that announced its sleep, and must wake it.
    ///
    /// - Parameter except: the caller's own loop, or -1.
    package func take(_ calls: Calls, except: Int, _ body: (Int) -> Void) {
        // Pairs with the fence in `announceSleep`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        for word in 0..<words.count {
            let spared: UInt64 = except >= 0 && except / 64 == word ? 1 << UInt64(except % 64) : 0
            // Relaxed, like the rest: after the fence, which is what matters.
            let leaving = words[word].pointee.leaving.load(ordering: .relaxed)
            let called = (calls.toTurn.words[word] | calls.toRead.words[word] & ~leaving) & ~spared
            // Read first, so that the line stays shared while none of them sleeps.
            guard words[word].pointee.sleeping.load(ordering: .relaxed) & called != 0 else {
                continue
            }
            // Atomic, so each flag is taken by one caller.
            var taken =
                words[word].pointee.sleeping.bitwiseAnd(~called, ordering: .relaxed).oldValue
                & called
            while taken != 0 {
                body(word * 64 + taken.trailingZeroBitCount)
                taken &= taken - 1
            }
        }
    }

    private func place(_ loop: Int) -> (word: Int, bit: UInt64) {
        precondition(loop >= 0 && loop < loops, "loop \(loop) of \(loops)")
        return (loop / 64, 1 << UInt64(loop % 64))
    }
}
