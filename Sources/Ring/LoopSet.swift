// Some of the loops that share one ring. What it is not: shared; who makes one keeps it.

/// A set of loops, and of the reader that writes the durable history: five words, no allocation.
package struct LoopSet: Sendable, Equatable {
    /// 64 loops a word.
    @usableFromInline var words: InlineArray<5, UInt64>

    @inlinable
    package init() { words = InlineArray(repeating: 0) }

    /// Every loop that there may be.
    package static var all: LoopSet {
        var set = LoopSet()
        for word in set.words.indices { set.words[word] = .max }
        return set
    }

    @inlinable
    package var isEmpty: Bool {
        words[0] | words[1] | words[2] | words[3] | words[4] == 0
    }

    /// - Parameter loop: 0..<``Sleepers/loopsMax``.
    package mutating func insert(_ loop: Int) { words[loop / 64] |= 1 << UInt64(loop % 64) }

    package func contains(_ loop: Int) -> Bool { words[loop / 64] & 1 << UInt64(loop % 64) != 0 }

    package mutating func formUnion(_ other: LoopSet) {
        for word in words.indices { words[word] |= other.words[word] }
    }

    package static func == (left: LoopSet, right: LoopSet) -> Bool {
        for word in left.words.indices where left.words[word] != right.words[word] { return false }
        return true
    }
}

/// Whom a loop wakes at the end of its turn, as far as they sleep.
package struct Calls: Sendable, Equatable {
    /// These are to read the ring: what was published is followed there. Who sleeps until a time at
    /// which it reads the ring anyway is left asleep.
    package var toRead: LoopSet
    /// These are to have a turn, whatever they sleep for: a letter, or a ring that fills up.
    package var toTurn: LoopSet

    @inlinable
    package init() {
        toRead = LoopSet()
        toTurn = LoopSet()
    }

    /// Everybody, whatever they sleep for.
    package static var all: Calls {
        var calls = Calls()
        calls.toTurn = .all
        return calls
    }

    @inlinable
    package var isEmpty: Bool { toRead.isEmpty && toTurn.isEmpty }
}
