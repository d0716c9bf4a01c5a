// Letters from any thread to one loop. What it is not: a way for messages; they go by the ring.

package import Synchronization

/// Many senders, one receiver, bounded; for what is rare, since it takes a lock.
///
/// Letters of one sender arrive in the order of their posting.
///
/// `isFilled` is written under the lock, at the end of each turn at it, and read at the start: a
/// releasing store paired with an acquiring load. The lock alone would do; but ThreadSanitizer
/// cannot see into `Mutex` on Linux, and with the pair it checks the letters too.
package final class Mailbox<Element: Sendable>: Sendable {
    /// Letters that wait at once, at most.
    package let entriesMax: Int
    @usableFromInline let entries = Mutex<[Element]>([])
    /// Whether a letter waits.
    @usableFromInline let isFilled = Atomic<Bool>(false)

    /// - Parameter entriesMax: 1 or more.
    @inlinable
    package init(entriesMax: Int) {
        precondition(entriesMax >= 1, "a mailbox for \(entriesMax) letters")
        self.entriesMax = entriesMax
    }

    /// Puts a letter in. Any thread.
    ///
    /// - Returns: whether there was room. After `true` the sender sees to it that the receiver is
    ///   awake: `Sleepers.take`, whose fence orders the store here before the look at the flag.
    @inlinable
    package func post(_ letter: Element) -> Bool {
        entries.withLock { entries in
            _ = isFilled.load(ordering: .acquiring)  // pairs with the stores below and in `take`
            let hasRoom = entries.count < entriesMax
            if hasRoom { Self.append(letter, to: &entries) }
            isFilled.store(true, ordering: .releasing)  // pairs with the loads above and in `take`
            return hasRoom
        }
    }

    /// Never inlined: a letter that holds an object must be retained before the lock is given up,
    /// and the optimizer may move a retain behind an atomic store (see `retained`).
    @inlinable
    @inline(never)
    static func append(_ letter: Element, to entries: inout [Element]) {
        entries.append(letter)
    }

    /// Whether nothing waits, without the lock. A letter that is being posted may be missed; its
    /// sender then finds the receiver awake or wakes it. Any thread.
    @inlinable
    package var isEmpty: Bool {
        // Relaxed: the letters are had by `take`, and after `Sleepers.announceSleep` it is that
        // method's fence that makes the answer final.
        !isFilled.load(ordering: .relaxed)
    }

    /// Takes all letters, in order. Receiver only.
    ///
    /// - Parameter letters: what was in it is dropped; its storage becomes the mailbox's, so that
    ///   two arrays serve for ever.
    @inlinable
    package func take(into letters: inout [Element]) {
        // Outside the lock: letters may take time to go.
        letters.removeAll(keepingCapacity: true)
        guard !isEmpty else { return }
        entries.withLock { entries in
            _ = isFilled.load(ordering: .acquiring)  // pairs with the store in `post`
            swap(&entries, &letters)
            isFilled.store(false, ordering: .releasing)  // pairs with the load in `post`
        }
    }
}
