// Into the ring.

internal import Bytes
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
    /// Of several publications on the channel with the same key, one is published.
    var idempotencyKey: Digest?
    /// It is published only if it is higher than the channel's last one.
    var version: UInt64?

    var isConditional: Bool { idempotencyKey != nil || version != nil }
}

/// What became of a publish.
enum PublishOutcome {
    /// It is in the ring, now or by an earlier publish with the same key; and on the disk, where
    /// the publisher was promised that.
    case published(UInt64)
    /// It is in the ring. The publisher is to be told once it is on the disk.
    case pending(UInt64)
    /// The channel has this version, which is not lower.
    case skipped(version: UInt64)
    case refused(PublishError)
}

extension Shard {
    /// Puts one message into the ring, if its conditions hold.
    mutating func publish(_ publication: Publication) -> PublishOutcome {
        let namespace = settings.namespaces.index(of: publication.channel.bytes)
        let durability = settings.namespaces[namespace].durability
        if let error = refusal(durability) { return .refused(error) }
        let message = Message(
            channel: publication.channel, namespace: namespace,
            kind: publication.kind, event: publication.event, payload: publication.payload,
            sender: publication.excluding?.raw ?? 0, timeMilliseconds: now.unixMilliseconds,
            timeToLiveMilliseconds: publication.timeToLiveMilliseconds)
        var outcome = put(message, publication)
        if case .refused(.ringFull) = outcome {
            // Perhaps this loop itself is the one that is behind.
            drainRing()
            outcome = put(message, publication)
        }
        if case .refused(.ringFull) = outcome {
            tally(.refusedFull)
            output.calls = .all
        }
        guard case .published(let sequence) = outcome, durability == .fsync else { return outcome }
        return settled(sequence) ?? .pending(sequence)
    }

    /// Why nothing is published at present in a namespace of this durability; nil when it is.
    private func refusal(_ durability: Namespace.Durability) -> PublishError? {
        guard durability != .memory, let durable = shared.durable else { return nil }
        guard durable.isAccepting else { return .notAccepting }
        guard durability != .fsync || acks.count < limits.acksPerLoopMax else {
            return .busy(limit: limits.acksPerLoopMax)
        }
        return nil
    }

    private mutating func put(
        _ message: Message, _ publication: Publication
    ) -> PublishOutcome {
        guard publication.isConditional else {
            return outcome(shared.ring.publish(message), message)
        }
        let conditions = PublishConditions(
            key: publication.idempotencyKey,
            fingerprint: publication.idempotencyKey == nil
                ? 0 : fingerprint(message, publication.version),
            version: publication.version)
        let shared = shared
        let result = shared.ledger.publish(
            on: publication.channel, conditions, nowMilliseconds: now.monotonicMilliseconds
        ) { shared.ring.publish(message) }
        switch result {
        case .ring(let ring): return outcome(ring, message)
        case .repeated(let sequence): return .published(sequence)
        case .keyReused: return .refused(.keyReused)
        case .outdated(let last): return .skipped(version: last)
        case .full: return .refused(.tooManyKeys(limit: limits.rememberedPublishesMax))
        }
    }

    private mutating func outcome(
        _ ring: BroadcastRing.Outcome, _ message: Message
    ) -> PublishOutcome {
        switch ring {
        case .published(let sequence):
            call(for: message)
            tally(.published)
            return .published(sequence)
        case .full: return .refused(.ringFull)
        case .tooLarge(let limit):
            return .refused(.tooLarge(limit: limit, measured: message.payload.count))
        }
    }

    /// Stands for all of a message that two requests with one key must have in common. Whom they
    /// exclude is not of it: a publisher that comes back has another connection.
    private func fingerprint(_ message: Message, _ version: UInt64?) -> UInt64 {
        let key = shared.fingerprintKey
        // No event's name is empty.
        let event = message.event ?? []
        let payload = message.payload
        let payloadHash = sipHash13(payload.span, key: key)
        let eventHash = sipHash13(event.span, key: key)
        var hasher = SipHasher(key)
        let parts: InlineArray<5, UInt64> = [
            payloadHash, eventHash,
            UInt64(message.kind.rawValue) << 32 | UInt64(message.timeToLiveMilliseconds),
            version ?? 0, version == nil ? 0 : 1,
        ]
        for index in parts.indices { hasher.append(parts[index]) }
        return hasher.finish()
    }

    /// A channel name made of `bytes`, or what is wrong with them. Nothing is allocated for one
    /// that this loop knows.
    func channelName(_ bytes: Span<UInt8>) -> Result<ChannelName, NameError> {
        if bytes.isEmpty { return .failure(.empty) }
        if bytes.count > limits.channelNameBytesMax {
            return .failure(.tooLong(limit: limits.channelNameBytesMax, measured: bytes.count))
        }
        let hash = sipHash13(bytes, key: settings.hashKey)
        if let known = channels.name(bytes, hash: hash) { return .success(known) }
        if firstControl(in: bytes, from: 0) < bytes.count { return .failure(.control) }
        if !isValidUTF8(bytes) { return .failure(.notUTF8) }
        return .success(ChannelName(array(bytes), key: settings.hashKey))
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
