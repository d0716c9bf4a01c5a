// Letters from any thread to one loop. What it is not: a way for messages; they go by the ring.

package import Synchronization

/// Many senders, one receiver, bounded; for what is rare, since it takes a lock.
///
/// Letters of one sender arrive in the order of their posting.
package final class Mailbox<Element: Sendable>: Sendable {
    /// Letters that wait at once, at most.
    package let entriesMax: Int
    @usableFromInline let entries = Mutex<[Element]>([])
    /// Whether a letter waits. Written under the lock, so that it agrees with `entries`.
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
    ///   awake: `Sleepers.take`.
    @inlinable
    package func post(_ letter: Element) -> Bool {
        entries.withLock { entries in
            guard entries.count < entriesMax else { return false }
            entries.append(letter)
            // Relaxed: against a receiver about to sleep the fences in `Sleepers` order it, and the
            // letter itself is handed over by the lock.
            isFilled.store(true, ordering: .relaxed)
            return true
        }
    }

    /// Whether nothing waits, without the lock. A letter that is being posted may be missed; its
    /// sender then finds the receiver awake or wakes it. Any thread.
    @inlinable
    package var isEmpty: Bool {
        // Relaxed: as in `post`.
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
            swap(&entries, &letters)
            isFilled.store(false, ordering: .relaxed)
        }
    }
}
