// Who must be woken. What it is not: the waking, which the loops' own handles do.

import Synchronization

/// A set of the loops that sleep, so that wake-ups cost nothing while loops are busy.
///
/// A loop that is about to block and a thread that has just published must not miss each other. The
/// loop:
///
///     sleepers.announceSleep(me)                       // flag, fence if reader.hasMore ||
///     !mailbox.isEmpty { sleepers.awake(me); go on } block; then sleepers.awake(me)
///
/// The publisher, once per turn:
///
///     ring.publish(…); mailbox.post(…)                 // as many as there are
///     sleepers.forEachSleeper(except: me) { wake($0) } // fence, flags
///
/// The forbidden outcome: the loop does not see the message and the publisher does not see the
/// flag. Each side writes its own word and then reads the other's, with a sequentially consistent
/// fence between. The fences are in one total order: whichever comes second, its side sees what the
/// other wrote before the first. So at least one of the two sees the other, and a message is either
/// read or followed by a wake-up. No weaker order will do: a store and a later load of another word
/// may change places, on x86-64 too.
package final class Sleepers: Sendable {
    /// As many loops as a process may have, and the reader that writes the durable history.
    package static let loopsMax = 257

    private let loops: Int
    /// 64 loops a word, each word in lines of its own.
    private let words: PaddedArray<Atomic<UInt64>>

    /// - Parameter loops: 1...257; all are awake.
    package init(loops: Int) {
        precondition(loops >= 1 && loops <= Self.loopsMax, "\(loops) loops")
        self.loops = loops
        words = PaddedArray(count: (loops + 63) / 64) { _ in Atomic(0) }
    }

    /// Says that `loop` is about to block. Loop `loop` only.
    ///
    /// Afterwards it must look at its ring reader and its mailbox once more before it blocks.
    package func announceSleep(_ loop: Int) {
        let (word, bit) = place(loop)
        words[word].pointee.bitwiseOr(bit, ordering: .relaxed)
        // Pairs with the fence in `forEachSleeper` and `take`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Says that `loop` is up. Loop `loop` only, after it blocked or when it need not.
    package func awake(_ loop: Int) {
        let (word, bit) = place(loop)
        // Relaxed: who saw the flag before this wakes a loop that is up, which does no harm; who
        // sees it gone published before the loop's next look, which follows `announceSleep`.
        words[word].pointee.bitwiseAnd(~bit, ordering: .relaxed)
    }

    /// Takes all loops that sleep, but `except`, and calls `body` for each, in rising order. Any
    /// thread, after it has published, once per turn.
    ///
    /// Of several callers exactly one gets a loop that announced its sleep, and must wake it.
    ///
    /// - Parameter except: the caller's own loop, or -1.
    package func forEachSleeper(except: Int, _ body: (Int) -> Void) {
        // Pairs with the fence in `announceSleep`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        for word in 0..<words.count {
            let spared: UInt64 = except >= 0 && except / 64 == word ? 1 << UInt64(except % 64) : 0
            // Relaxed: after the fence, which is what matters. Read first, so that the line stays
            // shared while nobody sleeps.
            guard words[word].pointee.load(ordering: .relaxed) & ~spared != 0 else { continue }
            // Atomic, so each flag is taken by one caller.
            var taken =
                words[word].pointee.bitwiseAnd(spared, ordering: .relaxed).oldValue & ~spared
            while taken != 0 {
                body(word * 64 + taken.trailingZeroBitCount)
                taken &= taken - 1
            }
        }
    }

    /// Takes `loop` if it sleeps: the caller must then wake it. Any thread, after it has posted to
    /// that loop's mailbox.
    package func take(_ loop: Int) -> Bool {
        let (word, bit) = place(loop)
        // Pairs with the fence in `announceSleep`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard words[word].pointee.load(ordering: .relaxed) & bit != 0 else { return false }
        return words[word].pointee.bitwiseAnd(~bit, ordering: .relaxed).oldValue & bit != 0
    }

    private func place(_ loop: Int) -> (word: Int, bit: UInt64) {
        precondition(loop >= 0 && loop < loops, "loop \(loop) of \(loops)")
        return (loop / 64, 1 << UInt64(loop % 64))
    }
}
