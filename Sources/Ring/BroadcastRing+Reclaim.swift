// Gives back what every reader has passed. What it is not: a thread of its own; whoever has just
// made room, or needs some, does it.

import Synchronization

extension BroadcastRing {
    /// Releases the messages that all readers have passed. Any thread; never waits.
    ///
    /// Called after every drain, so that a big message does not stay until its slot is used again,
    /// and by a publish that found the ring full. If another thread is at it, that thread goes over
    /// it again before it stops: of any number of callers the last one's cursor counts.
    func reclaim() {
        let lock = reclaimLock[0]
        // (E) Acquiring: the work of the lock's last holder is seen. Releasing: our cursor, stored
        // before this, is seen by the holder whose exchange below reads our request.
        var requests = lock.pointee.requests.wrappingAdd(
            1, ordering: .acquiringAndReleasing
        ).newValue
        guard requests == 1 else { return }
        // Another round happens only when another loop has ended a drain, or another publish was
        // refused, since the last: each loop at most once a turn.
        while true {
            let from = reclaimed[0].pointee.sequence.load(ordering: .relaxed)  // (E) orders it
            releaseMessages(after: from, through: slowestCursor(above: from))
            // (E) Releasing: hands our work to the next holder. Acquiring, when it fails: the
            // cursors of those who asked meanwhile are seen in the next round.
            let (freed, now) = lock.pointee.requests.compareExchange(
                expected: requests, desired: 0, ordering: .acquiringAndReleasing)
            if freed { return }
            requests = now
        }
    }

    /// The slowest cursor if it is above `from`, otherwise `from`. Under the lock.
    private func slowestCursor(above from: UInt64) -> UInt64 {
        let lock = reclaimLock[0]
        // Mostly the one that was slowest still is: one line to read instead of one a reader.
        let suspect = lock.pointee.slowest.load(ordering: .relaxed)
        guard readers[suspect].pointee.cursor.load(ordering: .relaxed) > from else { return from }
        var lowest = UInt64.max
        var slowest = suspect
        for index in 0..<readers.count {
            // (B) Acquiring: pairs with the releasing store in `RingReader.move`: what
            // that reader did with its messages is done before we release them.
            let cursor = readers[index].pointee.cursor.load(ordering: .acquiring)
            if cursor < lowest {
                lowest = cursor
                slowest = index
            }
        }
        lock.pointee.slowest.store(slowest, ordering: .relaxed)
        return lowest
    }

    /// Releases the messages `from + 1 ... through`, as far as they are in. Under the lock.
    private func releaseMessages(after from: UInt64, through: UInt64) {
        var sequence = from
        var bytes = 0
        while sequence < through {
            let next = sequence + 1
            // A reader's cursor stands only behind stamped slots; with all readers closed there is
            // none, and the stamp is what ends this. (A) Acquiring, for that case: pairs with the
            // releasing store in `put`.
            guard slots.stamp(next).pointee.load(ordering: .acquiring) == next else { break }
            guard let message = slots.message(next).pointee else {
                fatalError("slot of \(next) is stamped and empty")
            }
            // The cost is read while the ring's reference still holds the message.
            bytes += message._withUnsafeGuaranteedRef { $0.cost }
            slots.message(next).pointee = nil
            message.release()
            sequence = next
        }
        guard sequence > from else { return }
        writers[0].pointee.bytesHeld.subtract(bytes, ordering: .relaxed)
        // (C) Releasing: pairs with the acquiring load in `isFree`. The slots are empty, and stay
        // so until a writer that has seen this claims them.
        reclaimed[0].pointee.sequence.store(sequence, ordering: .releasing)
    }
}
