// What one connection follows. Most follow one channel, and that one costs no allocation.

/// A connection's part in one channel.
struct Subscription {
    /// Index into the channel table.
    var channel: Int32
    /// Index into the group's members.
    var member: Int32
    var encoding: Encoding
    /// The ticket of the recall that is on its way for this subscription, 0 for none; what is live
    /// meanwhile waits in the connection's ``Lag``.
    var recall: UInt32 = 0

    /// In place of one that is not there: no channel has this index.
    fileprivate static let none = Subscription(channel: -1, member: -1, encoding: .direct)
}

/// A list of subscriptions whose first stands in the list itself, and the others on the heap.
struct Subscriptions: RandomAccessCollection, MutableCollection {
    private var head = Subscription.none
    private var others: [Subscription] = []

    var startIndex: Int { 0 }
    var endIndex: Int { head.channel < 0 ? 0 : 1 + others.count }

    subscript(index: Int) -> Subscription {
        get {
            precondition(index < endIndex, "subscription \(index) of \(endIndex)")
            return index == 0 ? head : others[index - 1]
        }
        set {
            precondition(index < endIndex, "subscription \(index) of \(endIndex)")
            if index == 0 { head = newValue } else { others[index - 1] = newValue }
        }
    }

    mutating func append(_ subscription: Subscription) {
        if head.channel < 0 { head = subscription } else { others.append(subscription) }
    }

    mutating func removeLast() -> Subscription {
        if let last = others.popLast() {
            // Who follows one channel again holds no more than others who do.
            if others.isEmpty { others = [] }
            return last
        }
        precondition(head.channel >= 0, "nothing is followed")
        defer { head = .none }
        return head
    }

    /// What it holds on the heap.
    var footprint: Int { heapBytes(others) }
}
