// What is remembered for a while under a digest. What it is not: bounded; its owner counts.

/// 128 bits that stand for some bytes. They are keyed, so nobody can choose bytes that share one;
/// and two that do so by accident are not to be expected in the life of a gateway.
struct Digest: Equatable, Sendable {
    let high: UInt64
    let low: UInt64
}

/// A chained hash table and a list of the same entries, the one that expires first at its front.
///
/// Entries expire in the order in which they were set, if the time given is in order: threads whose
/// clocks were read some milliseconds apart keep an entry for as much longer.
struct ExpiringTable<Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var digest: Digest
        var value: Value
        var expiresMilliseconds: UInt64
        /// The next entry in the same bucket; in a free entry, the next free one. −1 for none.
        var next: Int32
        /// Neighbours in the order of expiry; −1 for none.
        var sooner: Int32
        var later: Int32
    }

    private static var bucketsMin: Int { 16 }

    private var buckets: [Int32]
    private var entries: [Entry] = []
    private var free: Int32 = -1
    private var first: Int32 = -1
    private var last: Int32 = -1
    private(set) var count = 0

    init() { buckets = Array(repeating: -1, count: Self.bucketsMin) }

    /// The value under `digest`, unless it has expired.
    func value(_ digest: Digest, nowMilliseconds now: UInt64) -> Value? {
        let index = find(digest)
        guard index >= 0, entries[index].expiresMilliseconds > now else { return nil }
        return entries[index].value
    }

    func contains(_ digest: Digest) -> Bool { find(digest) >= 0 }

    /// Sets the value under `digest`, which from now on expires last.
    mutating func set(_ digest: Digest, _ value: Value, expiresMilliseconds: UInt64) {
        var index = find(digest)
        if index >= 0 {
            unlink(index)
            entries[index].value = value
            entries[index].expiresMilliseconds = expiresMilliseconds
        } else {
            index = insert(digest, value, expiresMilliseconds)
        }
        entries[index].sooner = last
        entries[index].later = -1
        if last >= 0 { entries[Int(last)].later = Int32(index) } else { first = Int32(index) }
        last = Int32(index)
    }

    /// Takes out what has expired, `limit` entries at most.
    ///
    /// - Returns: how many.
    mutating func expire(nowMilliseconds now: UInt64, limit: Int) -> Int {
        var dropped = 0
        while dropped < limit, first >= 0, entries[Int(first)].expiresMilliseconds <= now {
            remove(Int(first))
            dropped += 1
        }
        // The memory of a busy hour comes back once all of it is forgotten.
        if count == 0, dropped > 0 { self = ExpiringTable() }
        return dropped
    }

    // MARK: - Entries

    private func bucket(_ digest: Digest) -> Int {
        Int(truncatingIfNeeded: digest.low) & (buckets.count - 1)
    }

    private func find(_ digest: Digest) -> Int {
        var at = buckets[bucket(digest)]
        while at >= 0, entries[Int(at)].digest != digest { at = entries[Int(at)].next }
        return Int(at)
    }

    private mutating func insert(_ digest: Digest, _ value: Value, _ expires: UInt64) -> Int {
        if count >= buckets.count { rehash() }
        let bucket = bucket(digest)
        let entry = Entry(
            digest: digest, value: value, expiresMilliseconds: expires, next: buckets[bucket],
            sooner: -1, later: -1)
        let index: Int
        if free >= 0 {
            index = Int(free)
            free = entries[index].next
            entries[index] = entry
        } else {
            index = entries.count
            entries.append(entry)
        }
        buckets[bucket] = Int32(index)
        count += 1
        return index
    }

    private mutating func remove(_ index: Int) {
        unlink(index)
        let bucket = bucket(entries[index].digest)
        if buckets[bucket] == Int32(index) {
            buckets[bucket] = entries[index].next
        } else {
            var at = Int(buckets[bucket])
            while entries[at].next != Int32(index) { at = Int(entries[at].next) }
            entries[at].next = entries[index].next
        }
        entries[index].next = free
        free = Int32(index)
        count -= 1
    }

    /// Takes an entry out of the order of expiry.
    private mutating func unlink(_ index: Int) {
        let (sooner, later) = (entries[index].sooner, entries[index].later)
        if sooner >= 0 { entries[Int(sooner)].later = later } else { first = later }
        if later >= 0 { entries[Int(later)].sooner = sooner } else { last = sooner }
    }

    private mutating func rehash() {
        buckets = Array(repeating: -1, count: buckets.count * 2)
        var at = first
        while at >= 0 {
            let index = Int(at)
            let bucket = bucket(entries[index].digest)
            entries[index].next = buckets[bucket]
            buckets[bucket] = at
            at = entries[index].later
        }
    }
}
