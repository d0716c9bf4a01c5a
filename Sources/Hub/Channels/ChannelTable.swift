// The channels that one loop knows, found by their hash.

internal import Bytes
internal import Ring

/// One connection in a channel: the slot, and which of the connection's subscriptions this is.
struct Member {
    let slot: Int32
    var subscription: Int32
}

/// The members of a channel that get the same bytes.
struct Group {
    let encoding: Encoding
    var members: [Member] = []
    /// Where this batch's bytes begin in the encoding's log.
    var batchStart = 0
}

/// What one loop knows of a channel.
struct Channel {
    let name: ChannelName
    /// Index of its namespace.
    let namespace: UInt8
    var groups: [Group] = []
    var memberCount = 0
    /// Only on the channel's home loop.
    var history: History?
    /// The next channel in the same bucket; −1 for none. In a free entry: the next free one.
    fileprivate var next: Int32
    fileprivate var inUse = true

    fileprivate init(name: ChannelName, namespace: UInt8, next: Int32) {
        self.name = name
        self.namespace = namespace
        self.next = next
    }
}

/// A chained hash table whose entries keep their index for life: subscriptions hold that index.
///
/// The hash is keyed (SipHash), so no client can aim for one bucket.
struct ChannelTable {
    private var buckets: [Int32]
    private(set) var entries: [Channel] = []
    private var free: Int32 = -1
    private(set) var count = 0

    init() { buckets = Array(repeating: -1, count: 64) }

    /// The entry's index, or −1.
    func find(_ name: ChannelName) -> Int {
        var at = buckets[Int(truncatingIfNeeded: name.hash) & (buckets.count - 1)]
        while at >= 0 {
            if entries[Int(at)].name == name { return Int(at) }
            at = entries[Int(at)].next
        }
        return -1
    }

    /// The name made of `bytes`, if a channel here has it; `hash` is theirs.
    func name(_ bytes: Span<UInt8>, hash: UInt64) -> ChannelName? {
        var at = buckets[Int(truncatingIfNeeded: hash) & (buckets.count - 1)]
        while at >= 0 {
            let name = entries[Int(at)].name
            if name.hash == hash, equal(name.bytes.span, bytes) { return name }
            at = entries[Int(at)].next
        }
        return nil
    }

    subscript(index: Int) -> Channel {
        _read { yield entries[index] }
        _modify { yield &entries[index] }
    }

    /// Adds a channel that is not there yet and returns its index.
    mutating func insert(_ name: ChannelName, namespace: UInt8 = 0) -> Int {
        if count >= buckets.count { rehash() }
        let bucket = Int(truncatingIfNeeded: name.hash) & (buckets.count - 1)
        let channel = Channel(name: name, namespace: namespace, next: buckets[bucket])
        let index: Int
        if free >= 0 {
            index = Int(free)
            free = entries[index].next
            entries[index] = channel
        } else {
            index = entries.count
            entries.append(channel)
        }
        buckets[bucket] = Int32(index)
        count += 1
        return index
    }

    /// Takes out a channel that nobody here follows.
    mutating func remove(_ index: Int) {
        precondition(entries[index].memberCount == 0, "\(entries[index].memberCount) members left")
        let bucket = Int(truncatingIfNeeded: entries[index].name.hash) & (buckets.count - 1)
        if buckets[bucket] == Int32(index) {
            buckets[bucket] = entries[index].next
        } else {
            var at = Int(buckets[bucket])
            while entries[at].next != Int32(index) { at = Int(entries[at].next) }
            entries[at].next = entries[index].next
        }
        entries[index].groups = []
        entries[index].history = nil
        entries[index].inUse = false
        entries[index].next = free
        free = Int32(index)
        count -= 1
    }

    func isInUse(_ index: Int) -> Bool { entries[index].inUse }

    /// Whether a channel with members has a hash whose lowest bits are `bucket`.
    ///
    /// It looks into one chain of this table; into several where the table has more buckets than
    /// `count`, and then mostly finds one in the first.
    ///
    /// - Parameter count: a power of two: how many such buckets there are.
    func isAnyFollowed(bucket: Int, of count: Int) -> Bool {
        var chain = bucket & (buckets.count - 1)
        while chain < buckets.count {
            var at = buckets[chain]
            while at >= 0 {
                let entry = Int(at)
                if entries[entry].memberCount > 0,
                    Int(truncatingIfNeeded: entries[entry].name.hash) & (count - 1) == bucket
                {
                    return true
                }
                at = entries[entry].next
            }
            chain += count
        }
        return false
    }

    private mutating func rehash() {
        buckets = Array(repeating: -1, count: buckets.count * 2)
        for index in entries.indices where entries[index].inUse {
            let bucket = Int(truncatingIfNeeded: entries[index].name.hash) & (buckets.count - 1)
            entries[index].next = buckets[bucket]
            buckets[bucket] = Int32(index)
        }
    }
}
