// Which loops a message is to be read on at once. What it is not: a list of channels; names share
// bits, so a loop is named too often now and then, and never too rarely.

private import Glibc
import Synchronization

/// A table of bits: for each loop and each bucket of channel names, whether somebody there follows a
/// channel of that bucket.
///
/// A loop where nobody follows a channel need not be woken for its messages: it reads the ring in its
/// next turn, which its other work or its own deadline brings, and by then a home's history, too, is
/// up to date. A bit matters only for a loop that sleeps, and so it needs no fence of its own. The
/// loop, in its turns and then before it blocks:
///
///     interest.follow(channel)                         // bit
///     sleepers.announceSleep(me)                       // flag, fence
///     if reader.hasMore { go on }                      // stamp
///
/// The publisher:
///
///     ring.publish(message)                            // stamp
///     interest.addFollowers(of: channel, to: &set)     // fence, bit
///     sleepers.take(set) { wake($0) }                  // fence, flag
///
/// The forbidden outcome: the loop does not see the message, and the publisher does not see both the
/// bit and the flag. Of the loop's fence and the publisher's first one, one comes second. If it is the
/// loop's, the loop sees the stamp. If it is the publisher's, that sees the bit, and after its second
/// fence the flag. The publisher must therefore look after the stamp, with a fence between: what it
/// saw before says nothing of who came meanwhile. A bit that is cleared too late wakes a loop in vain; one
/// is cleared only by its own loop, which then follows nothing of that bucket.
///
/// `@unchecked Sendable`: the pointer is written once, in `init`; behind it are atomics, which live
/// until `deinit`.
package final class Interest: @unchecked Sendable {
    /// A table of 512 KiB for up to 64 loops, of 2.5 MiB for the most there may be; memory that no
    /// channel's bits have touched is not taken. While a loop follows fewer channels than there are
    /// buckets, it is mostly woken for messages that somebody there follows.
    package static let bucketsUsual = 1 << 16

    /// A power of two. A name's bucket is made of its hash's lowest bits.
    package let bucketCount: Int
    private let wordsPerBucket: Int
    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// - Parameters:
    ///   - loops: 1...257; nobody follows anything.
    ///   - buckets: a power of two.
    package init(loops: Int, buckets: Int = Interest.bucketsUsual) {
        precondition(loops >= 1 && loops <= Sleepers.loopsMax, "\(loops) loops")
        precondition(buckets > 0 && buckets & (buckets - 1) == 0, "\(buckets) buckets")
        bucketCount = buckets
        wordsPerBucket = (loops + 63) / 64
        let count = buckets * wordsPerBucket
        // Zeroed by the kernel, page by page as they are first written: an atomic word of zeros is
        // eight zero bytes. Aligned to 16.
        guard let memory = calloc(count, MemoryLayout<Atomic<UInt64>>.stride) else {
            fatalError("no memory for \(count) words")
        }
        words = memory.bindMemory(to: Atomic<UInt64>.self, capacity: count)
    }

    // An atomic word has nothing to deinitialise.
    deinit { free(words) }

    package func bucket(of channel: ChannelName) -> Int {
        Int(truncatingIfNeeded: channel.hash) & (bucketCount - 1)
    }

    /// Somebody on `loop` follows the channel. Loop `loop` only.
    package func follow(_ channel: ChannelName, on loop: Int) {
        let (word, bit) = place(bucket(of: channel), loop)
        // Read first, so that the line stays shared: no other loop writes this bit.
        guard word.pointee.load(ordering: .relaxed) & bit == 0 else { return }
        // Relaxed: ordered by the fence in `Sleepers.announceSleep`.
        word.pointee.bitwiseOr(bit, ordering: .relaxed)
    }

    /// Nobody on `loop` follows any channel of this bucket any more. Loop `loop` only.
    package func clear(bucket: Int, on loop: Int) {
        let (word, bit) = place(bucket, loop)
        word.pointee.bitwiseAnd(~bit, ordering: .relaxed)
    }

    /// Whether a message of the channel is to be read on `loop` at once. Any thread; exact on that
    /// loop's own.
    package func isFollowed(bucket: Int, on loop: Int) -> Bool {
        let (word, bit) = place(bucket, loop)
        return word.pointee.load(ordering: .relaxed) & bit != 0
    }

    /// Adds the loops where a message of this channel is to be read at once. Any thread, after the
    /// message was published.
    package func addFollowers(of channel: ChannelName, to loops: inout LoopSet) {
        // Pairs with the fence in `Sleepers.announceSleep`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let first = bucket(of: channel) * wordsPerBucket
        for word in 0..<wordsPerBucket {
            // In bounds: a bucket's words lie side by side. Relaxed: after the fence.
            loops.words[word] |= words[first + word].load(ordering: .relaxed)
        }
    }

    private func place(
        _ bucket: Int, _ loop: Int
    ) -> (UnsafeMutablePointer<Atomic<UInt64>>, UInt64) {
        precondition(bucket >= 0 && bucket < bucketCount, "bucket \(bucket) of \(bucketCount)")
        precondition(loop >= 0 && loop < wordsPerBucket * 64, "loop \(loop)")
        // In bounds by the two lines above.
        return (words + bucket * wordsPerBucket + loop / 64, 1 << UInt64(loop % 64))
    }
}
