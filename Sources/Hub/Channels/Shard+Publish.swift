// Into the ring.

internal import Ring
internal import Wire

/// A message before it has an id, and the conditions under which it is to have one.
struct Publication {
    var channel: ChannelName
    var kind: Message.Kind
    var payload: [UInt8]
    var event: [UInt8]?
    /// This peer does not get the message.
    var excluding: Peer?
    /// How long history keeps it, milliseconds; 0 is as long as its namespace says.
    var timeToLiveMilliseconds: UInt32 = 0
}

/// What became of a publish.
enum PublishOutcome {
    /// It is in the ring.
    case published(UInt64)
    /// The ring is full: a loop is behind. Nothing was kept; try again.
    case full
    case tooLarge(limit: Int)
}

extension Shard {
    /// Puts one message into the ring.
    mutating func publish(_ publication: Publication) -> PublishOutcome {
        let message = Message(
            channel: publication.channel,
            namespace: settings.namespaces.index(of: publication.channel.bytes),
            kind: publication.kind, event: publication.event, payload: publication.payload,
            sender: publication.excluding?.raw ?? 0, timeMilliseconds: now.unixMilliseconds,
            timeToLiveMilliseconds: publication.timeToLiveMilliseconds)
        var outcome = shared.ring.publish(message)
        if case .full = outcome {
            // Perhaps this loop itself is the one that is behind.
            drainRing()
            outcome = shared.ring.publish(message)
        }
        switch outcome {
        case .published(let sequence):
            mustWake = true
            tally(.published)
            return .published(sequence)
        case .full:
            tally(.refusedFull)
            return .full
        case .tooLarge(let limit): return .tooLarge(limit: limit)
        }
    }

    /// A channel name made of `bytes`, or what is wrong with them.
    func channelName(_ bytes: [UInt8]) -> Result<ChannelName, NameError> {
        if bytes.isEmpty { return .failure(.empty) }
        if bytes.count > limits.channelNameBytesMax {
            return .failure(.tooLong(limit: limits.channelNameBytesMax, measured: bytes.count))
        }
        if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return .failure(.control) }
        if !isValidUTF8(bytes.span) { return .failure(.notUTF8) }
        return .success(ChannelName(bytes, key: settings.hashKey))
    }

    /// The id of the message with this sequence.
    func id(_ sequence: UInt64) -> MessageID {
        MessageID(epoch: settings.epoch, sequence: sequence)
    }
}

/// What is wrong with a channel's name.
enum NameError: Error, Equatable {
    case empty
    case tooLong(limit: Int, measured: Int)
    case control
    case notUTF8

    var measure: (limit: Int, value: Int)? {
        switch self {
        case .tooLong(let limit, let measured): (limit, measured)
        case .empty, .control, .notUTF8: nil
        }
    }

    var detail: String {
        switch self {
        case .empty: "a channel's name is empty"
        case .tooLong(let limit, let measured):
            "a channel's name has \(measured) bytes; at most \(limit) are allowed"
        case .control: "a channel's name holds a control character"
        case .notUTF8: "a channel's name is not UTF-8"
        }
    }
}
