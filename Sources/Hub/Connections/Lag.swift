// A connection that can't take live messages as they come: its peer is slow, or it is still being
// told the past.
//
// What it is not: the judge. It drops what it is told to drop, and knows no limit.

internal import Ring

/// The cost of all that waits for the connections of one loop, bytes.
final class BacklogTotal {
    fileprivate(set) var bytes = 0
}

/// Messages that wait for one connection: references to what the log holds, not bytes.
///
/// They are framed when the connection can take them. So a slow connection costs a reference a
/// message, and a policy that drops some of them sees whole messages.
///
/// Messages stand in the order of their sequences: an id that the client has seen says that it has
/// seen, or was told to be without, all before it, on each of its channels.
final class Lag {
    /// What may become of a message that waits.
    enum Standing: UInt8 {
        /// It was asked for, and is no sign of slowness: it is not counted, and stays.
        case past
        /// It stays, or the connection ends.
        case firm
        /// It may be dropped, and a gap be told in its place.
        case droppable
        /// It goes when a newer one of its channel comes.
        case latest

        init(_ policy: Namespace.SlowPolicy) {
            switch policy {
            case .disconnect: self = .firm
            case .dropOldest: self = .droppable
            case .latest: self = .latest
            }
        }
    }

    enum Item {
        /// - Parameter since: monotonic milliseconds, the low half.
        case message(Logged, Encoding, Standing, since: UInt32)
        /// A frame that a component sent to this peer alone.
        case frame([UInt8], isText: Bool, since: UInt32)
        /// Messages of this channel are missing, the first of them `from` and the last `through`;
        /// both 0 when it is the past that is not whole. It stands where the first stood: whoever has
        /// seen a higher id has been told.
        case gap(ChannelName, from: UInt64, through: UInt64)
        /// Nothing any more.
        case hole
    }

    /// What is to become of the connection.
    enum Verdict {
        case none
        /// It is closed as slow: more waits for it than may.
        case slow
        /// It is let go at once: its loop holds more than it may.
        case overTotal
    }

    /// An item's place is `base` more than its index, and stays the same while items before it go.
    var items: [Item] = []
    var base = 0
    var head = 0
    /// Holes in `items[head...]`. The first item there is none.
    var holes = 0
    /// Holes before they are looked at as waste.
    private static let holesMin = 16

    /// By channel: where its waiting message of standing `latest` is, or was.
    var latestPlaces: [ChannelName: Int] = [:]
    /// By channel: where its waiting gap is, or was.
    var gapPlaces: [ChannelName: Int] = [:]
    /// No droppable item stands before this place.
    var droppableFrom = 0
    /// No item that may be overdue stands before this place.
    var dueFrom = 0

    private let total: BacklogTotal
    /// The cost of the live messages and frames that wait, bytes. The past that a client asked for
    /// is not counted: its history bounds it.
    var bytes = 0 {
        didSet { total.bytes += bytes - oldValue }
    }
    /// What the rim keeps for the connection since the socket is full, bytes.
    var rimBytes = 0 {
        didSet { total.bytes += rimBytes - oldValue }
    }
    /// The socket takes nothing at present.
    var isBlocked = false
    /// Monotonic milliseconds since when the socket has taken nothing.
    var blockedSince: UInt64 = 0
    /// Recalls on their way.
    var recalls = 0
    /// Anything else than none: nothing is put in any more.
    var verdict = Verdict.none

    init(_ total: BacklogTotal = BacklogTotal()) { self.total = total }

    deinit { total.bytes -= bytes + rimBytes }

    var isEmpty: Bool { head == items.count }
    var count: Int { items.count - head - holes }
    var endPlace: Int { base + items.count }

    /// Puts a live message behind all that waits.
    ///
    /// - Parameter now: monotonic milliseconds.
    /// - Returns: whether it took the place of an older one of its channel.
    func append(
        _ logged: Logged, _ encoding: Encoding, _ standing: Standing = .firm, now: UInt64 = 0
    ) -> Bool {
        let place = endPlace
        items.append(
            .message(logged, encoding, standing, since: UInt32(truncatingIfNeeded: now)))
        bytes += logged.message.cost
        guard standing == .latest,
            let older = latestPlaces.updateValue(place, forKey: logged.message.channel),
            older >= base + head
        else { return false }
        // Not replaced where it stands: what waits between the two would come after a higher id,
        // and a client that was cut there would go on behind it.
        empty(older)
        tidy()
        return true
    }

    func append(_ frame: [UInt8], isText: Bool, now: UInt64 = 0) {
        items.append(.frame(frame, isText: isText, since: UInt32(truncatingIfNeeded: now)))
        bytes += frame.count
    }

    func removeAll() {
        items.removeAll()
        bytes = 0
        reindex()
    }

    func popFirst() -> Item? {
        guard head < items.count else { return nil }
        let first = items[head]
        // The reference is not kept until the array is compacted.
        items[head] = .hole
        head += 1
        bytes -= first.cost
        tidy()
        return first
    }

    /// Takes out all that waits of a channel.
    func remove(_ channel: ChannelName) {
        for index in items.indices[head...] where items[index].channel == channel {
            empty(base + index)
        }
        latestPlaces[channel] = nil
        gapPlaces[channel] = nil
        tidy()
    }

    // MARK: - Holes

    /// Makes a hole of the item at a place; ``tidy()`` is due.
    func empty(_ place: Int) {
        bytes -= items[place - base].cost
        items[place - base] = .hole
        holes += 1
    }

    /// Takes holes out at the front, and all of them once they are half of what is there, so that
    /// what a connection is spared costs it no memory.
    func tidy() {
        while head < items.count, case .hole = items[head] {
            head += 1
            holes -= 1
        }
        if holes > Lag.holesMin, holes * 2 > items.count - head {
            items = items[head...].filter { !$0.isHole }
            reindex()
        } else if head * 2 >= items.count {
            items.removeFirst(head)
            base += head
            head = 0
        }
    }

    /// Finds all places anew: the items have been put into a new order.
    func reindex() {
        base = 0
        head = 0
        holes = 0
        droppableFrom = 0
        dueFrom = 0
        latestPlaces.removeAll()
        gapPlaces.removeAll()
        for (index, item) in items.enumerated() {
            switch item {
            case .message(let logged, _, .latest, _): latestPlaces[logged.message.channel] = index
            case .gap(let channel, _, let through) where through > 0: gapPlaces[channel] = index
            case .message, .frame, .gap, .hole: break
            }
        }
    }
}

extension Lag.Item {
    /// What it counts for, bytes.
    var cost: Int {
        switch self {
        case .message(_, _, .past, _), .gap, .hole: 0
        case .message(let logged, _, _, _): logged.message.cost
        case .frame(let bytes, _, _): bytes.count
        }
    }

    /// The channel that it belongs to.
    var channel: ChannelName? {
        switch self {
        case .message(let logged, _, _, _): logged.message.channel
        case .gap(let channel, _, _): channel
        case .frame, .hole: nil
        }
    }

    var isGap: Bool {
        if case .gap = self { return true }
        return false
    }

    var isHole: Bool {
        if case .hole = self { return true }
        return false
    }
}
