// A connection that can't take live messages as they come: its peer is slow, or it is still being
// told the past.

internal import Ring

/// Messages that wait for one connection: references to what the log holds, not bytes.
///
/// They are framed when the connection can take them. So a slow connection costs a reference a
/// message, and a policy that drops some of them sees whole messages.
final class Lag {
    enum Item {
        /// - Parameter isPast: it was asked for, and is no sign of slowness.
        case message(Logged, Encoding, isPast: Bool)
        /// A frame that a component sent to this peer alone.
        case frame([UInt8], isText: Bool)
        /// Messages of this channel are missing before what follows.
        case gap(ChannelName)
    }

    private var items: [Item] = []
    private var head = 0
    /// The cost of the live messages and frames that wait, bytes. The past that a client asked for
    /// is not counted: its history bounds it.
    private(set) var bytes = 0
    /// The socket takes nothing at present.
    var isBlocked = false
    /// Monotonic milliseconds since when the socket has taken nothing.
    var blockedSince: UInt64 = 0
    /// Recalls on their way.
    var recalls = 0

    var isEmpty: Bool { head == items.count }
    var count: Int { items.count - head }

    func append(_ logged: Logged, _ encoding: Encoding) {
        items.append(.message(logged, encoding, isPast: false))
        bytes += logged.message.cost
    }

    func append(_ frame: [UInt8], isText: Bool) {
        items.append(.frame(frame, isText: isText))
        bytes += frame.count
    }

    func appendGap(_ channel: ChannelName) { items.append(.gap(channel)) }

    func removeAll() {
        items.removeAll()
        head = 0
        bytes = 0
    }

    func popFirst() -> Item? {
        guard head < items.count else { return nil }
        let first = items[head]
        head += 1
        switch first {
        case .message(let logged, _, let isPast): if !isPast { bytes -= logged.message.cost }
        case .frame(let frame, _): bytes -= frame.count
        case .gap: break
        }
        if head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return first
    }

    /// Puts a channel's past into the queue: gaps first, then everything by sequence, each message
    /// once.
    ///
    /// - Parameters:
    ///   - past: the channel's retained messages, in order.
    ///   - through: the past is complete up to this sequence; what the queue holds of `channel` up
    ///     to there is part of it.
    ///   - isWhole: false when only who is there was asked for, and no past. Notices up to `through`
    ///     are part of an answer that ends with a list of who is there, and of no other.
    func merge(
        past: [Logged], through: UInt64, after: UInt64, isWhole: Bool = true,
        of channel: ChannelName,
        _ encoding: Encoding,
        gap: Bool
    ) {
        let hasList = past.last?.message.kind == .presence
        var gaps: [Item] = []
        var messages: [(logged: Logged, encoding: Encoding, isPast: Bool)] = []
        for item in items[head...] {
            switch item {
            case .gap, .frame: gaps.append(item)
            case .message(let logged, let encoding, let isPast):
                let isWithin = logged.sequence <= through
                let isTold =
                    logged.message.channel == channel
                    && (logged.message.kind.isNotice
                        ? isWithin && hasList
                        : isWithin && isWhole || logged.sequence <= after)
                if !isTold {
                    messages.append((logged, encoding, isPast))
                } else if !isPast {
                    bytes -= logged.message.cost
                }
            }
        }
        if gap { gaps.append(.gap(channel)) }
        for logged in past { messages.append((logged, encoding, true)) }
        messages.sort { $0.logged.sequence < $1.logged.sequence }
        items = gaps + messages.map { .message($0.logged, $0.encoding, isPast: $0.isPast) }
        head = 0
    }
}
