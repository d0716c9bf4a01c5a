// What goes out of a lag other than to its connection, and how a past is joined with it.

internal import Ring

extension Lag {
    /// Drops the oldest droppable messages until no more than `bytesMax` waits, or none is left.
    ///
    /// - Returns: how many were dropped.
    func shed(toBytes bytesMax: Int) -> Int {
        var dropped = 0
        var place = max(droppableFrom, base + head)
        while bytes > bytesMax, place < endPlace {
            if case .message(let logged, _, .droppable, _) = items[place - base] {
                drop(place, logged)
                dropped += 1
            }
            place += 1
        }
        droppableFrom = place
        tidy()
        return dropped
    }

    /// Drops what is droppable and has waited longer than `millisecondsMax`.
    ///
    /// The newest message of a channel under `latest` is never overdue: it is still true.
    ///
    /// - Parameter now: monotonic milliseconds.
    /// - Returns: how many were dropped; and whether something that may not be dropped has waited
    ///   longer, too.
    func shedOverdue(now: UInt64, millisecondsMax: UInt64) -> (dropped: Int, isOverdue: Bool) {
        var dropped = 0
        var isOverdue = false
        var place = max(dueFrom, base + head)
        search: while place < endPlace {
            switch items[place - base] {
            case .message(let logged, _, .droppable, let since):
                guard waited(since, now) > millisecondsMax else { break search }
                drop(place, logged)
                dropped += 1
            case .message(_, _, .firm, let since), .frame(_, _, let since):
                isOverdue = waited(since, now) > millisecondsMax
                break search
            case .message(_, _, .past, _), .message(_, _, .latest, _), .gap, .hole: break
            }
            place += 1
        }
        dueFrom = place
        tidy()
        return (dropped, isOverdue)
    }

    /// Whole days of waiting would wrap; nothing waits for an hour.
    private func waited(_ since: UInt32, _ now: UInt64) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: now) &- since)
    }

    /// Drops a message. A gap takes its place, or the one that waits already reaches up to here.
    private func drop(_ place: Int, _ logged: Logged) {
        let channel = logged.message.channel
        if let earlier = gapPlaces[channel], earlier >= base + head,
            case .gap(_, let first, _) = items[earlier - base]
        {
            items[earlier - base] = .gap(channel, from: first, through: logged.sequence)
            empty(place)
            return
        }
        bytes -= logged.message.cost
        items[place - base] = .gap(channel, from: logged.sequence, through: logged.sequence)
        gapPlaces[channel] = place
    }

    /// Puts a channel's past into the queue: what has no sequence first, then everything by
    /// sequence, each message once.
    ///
    /// - Parameters:
    ///   - past: the channel's retained messages, in order.
    ///   - through: the past is complete up to this sequence; what the queue holds of `channel` up
    ///     to there is part of it.
    ///   - isWhole: false when only who is there was asked for, and no past. Notices up to `through`
    ///     are part of an answer that ends with a list of who is there, and of no other.
    ///   - gap: the past is not whole.
    func merge(
        past: [Logged], through: UInt64, after: UInt64, isWhole: Bool = true,
        of channel: ChannelName, _ encoding: Encoding, gap: Bool
    ) {
        let told = isWhole ? max(through, after) : after
        let noticesTold = past.last?.message.kind == .presence ? through : 0
        var front: [Item] = []
        var rest: [(sequence: UInt64, item: Item)] = []
        for item in items[head...] {
            switch item {
            case .hole: break
            case .frame, .gap(_, _, through: 0): front.append(item)
            case .gap(let of, let first, let last):
                if of != channel {
                    rest.append((first, item))
                } else if last > told {
                    let missing = max(first, told + 1)
                    rest.append((missing, .gap(of, from: missing, through: last)))
                }
            case .message(let logged, _, _, _):
                let toldOfIts = logged.message.kind.isNotice ? noticesTold : told
                if logged.message.channel == channel, logged.sequence <= toldOfIts {
                    bytes -= item.cost
                } else {
                    rest.append((logged.sequence, item))
                }
            }
        }
        if gap { front.append(.gap(channel, from: 0, through: 0)) }
        for logged in past {
            rest.append((logged.sequence, .message(logged, encoding, .past, since: 0)))
        }
        // A gap comes before a message of another channel that stands at its beginning.
        rest.sort { ($0.sequence, $0.item.isGap ? 0 : 1) < ($1.sequence, $1.item.isGap ? 0 : 1) }
        items = front + rest.map(\.item)
        reindex()
    }
}
