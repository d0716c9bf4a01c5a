// What a loop could not yet tell the homes of its channels, since their mailboxes were full.

internal import Ring

/// Changes of attendance that wait, summed up by channel and user: who comes and goes meanwhile has
/// never been there. So no more waits than has changed since the homes last knew.
struct UntoldAttendance {
    struct Key: Hashable {
        let channel: ChannelName
        let user: [UInt8]?
    }

    private var changes: [Key: Int] = [:]
    /// The keys of `changes`, in the order in which they came: a run can be had again from its seed.
    private var order: [Key] = []

    var isEmpty: Bool { order.isEmpty }

    func contains(_ key: Key) -> Bool { changes[key] != nil }

    mutating func add(_ key: Key, _ change: Int) {
        if let waiting = changes[key] {
            changes[key] = waiting + change
        } else {
            changes[key] = change
            order.append(key)
        }
    }

    /// Tells what waits; keeps what `tell` does not take.
    mutating func tell(_ tell: (Key, _ change: Int) -> Bool) {
        var kept: [Key] = []
        for key in order {
            let change = changes[key]!
            if change == 0 || tell(key, change) {
                changes[key] = nil
            } else {
                kept.append(key)
            }
        }
        order = kept
    }
}
