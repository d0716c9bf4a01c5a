// The plain model that the simulation compares the hub with: what was published on each channel, and
// what of it is surely kept. What it is not: what one follower may see; see `Expectation`.

@testable import Hub
import Ring

/// One message, as it went into the ring.
struct Published {
    let sequence: UInt64
    let data: String
    let unixMilliseconds: UInt64
    /// What it counts against budgets, bytes.
    let cost: Int
    /// The connection that is not to have it.
    let excluded: Peer?
}

final class Reference {
    struct Place {
        let channel: String
        let index: Int
    }

    let settings: Settings
    private(set) var log: [String: [Published]] = [:]
    /// Every text is published once, so it names its message.
    private var places: [String: Place] = [:]
    private(set) var last: UInt64 = 0

    init(settings: Settings) { self.settings = settings }

    func publish(
        _ channel: String, _ data: String, sequence: UInt64, unixMilliseconds: UInt64,
        excluded: Peer? = nil
    ) {
        precondition(sequence > last, "\(sequence) after \(last)")
        last = sequence
        places[data] = Place(channel: channel, index: count(channel))
        log[channel, default: []].append(
            Published(
                sequence: sequence, data: data, unixMilliseconds: unixMilliseconds,
                cost: data.utf8.count + channel.utf8.count + Message.overheadBytes,
                excluded: excluded))
    }

    func count(_ channel: String) -> Int { log[channel]?.count ?? 0 }

    func place(of data: String) -> Place? { places[data] }

    func message(_ place: Place) -> Published { log[place.channel]![place.index] }

    func namespace(_ channel: String) -> Namespace {
        settings.namespaces[settings.namespaces.index(of: Array(channel.utf8))]
    }

    /// Index of the channel's first message after `sequence`, or its count.
    func index(_ channel: String, after sequence: UInt64) -> Int {
        let all = log[channel] ?? []
        var low = 0
        var high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Index of the oldest message that must still be kept, or the channel's count. It rises only,
    /// and what the hub keeps may go further back, since it forgets what is too old in its own time.
    func oldestKept(_ channel: String, unixMilliseconds now: UInt64) -> Int {
        let namespace = namespace(channel)
        guard namespace.keepsHistory, let all = log[channel] else { return count(channel) }
        var kept = 0
        var bytes = 0
        for message in all.reversed() {
            bytes += message.cost
            guard kept < namespace.keptMessagesMax, bytes <= namespace.historyBytesMax,
                message.unixMilliseconds + namespace.historyMillisecondsMax >= now
            else { break }
            kept += 1
        }
        return all.count - kept
    }
}

extension Namespace {
    var keptMessagesMax: Int {
        switch history {
        case .off: 0
        case .log: historyMessagesMax
        case .last: min(1, historyMessagesMax)
        }
    }
}
