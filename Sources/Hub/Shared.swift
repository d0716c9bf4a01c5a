// What the shards of one process share: the list of things that cross loops.

package import Ring
internal import Wire

/// Made once, given to every shard.
package final class Shared: Sendable {
    package let settings: Settings
    package let ring: BroadcastRing
    package let sleepers: Sleepers
    /// Which loops follow which channels.
    package let interest: Interest
    package let counters: Counters
    package let turnstile: Turnstile
    /// How far the durable history has come; nil when no namespace is durable.
    package let durable: DurableProgress?
    /// What was published under conditions.
    package let ledger: PublishLedger
    let connectionNames: ConnectionNames
    /// For the digests of messages that come with an idempotency key.
    let fingerprintKey: HashKey
    /// By loop. Rare traffic: recalls and messages to one peer.
    package let mailboxes: [Mailbox<Mail>]
    /// The number of the ring's reader that writes the durable history, behind the loops'; nil when
    /// there is none.
    package let logReader: Int?

    /// Letters that may wait for one loop. A sender that finds it full has its request refused.
    private static let mailboxEntriesMax = 1 << 16

    /// - Parameters:
    ///   - ringSlots: messages in flight between the loops, a power of two.
    ///   - ringBytesMax: their cost together.
    ///   - durable: needed when a namespace is durable.
    ///   - hasLogReader: the ring has a reader beside the loops, with the number after theirs; like
    ///     a loop, it holds the ring back until it has read.
    ///   - interestBuckets: a power of two.
    package init(
        settings: Settings, ringSlots: Int = 1 << 14, ringBytesMax: Int = 256 << 20,
        durable: DurableProgress? = nil, hasLogReader: Bool = false,
        interestBuckets: Int = Interest.bucketsUsual
    ) {
        precondition(
            settings.loops > 0 && settings.loops <= Peer.loopsMax, "\(settings.loops) loops")
        precondition(
            durable != nil || settings.namespaces.all.allSatisfy { $0.durability == .memory },
            "a durable namespace, and nothing that writes it")
        self.settings = settings
        self.durable = durable
        ledger = PublishLedger(limits: settings.limits, hashKey: settings.hashKey)
        connectionNames = ConnectionNames(hashKey: settings.hashKey)
        fingerprintKey = settings.hashKey.derived(.fingerprint)
        let readers = settings.loops + (hasLogReader ? 1 : 0)
        logReader = hasLogReader ? settings.loops : nil
        ring = BroadcastRing(
            slots: ringSlots, readers: readers, bytesMax: ringBytesMax, start: settings.start)
        sleepers = Sleepers(loops: readers)
        interest = Interest(loops: settings.loops, buckets: interestBuckets)
        counters = Counters(loops: settings.loops)
        turnstile = Turnstile(limits: settings.limits)
        mailboxes = (0..<settings.loops).map { _ in
            Mailbox(entriesMax: Shared.mailboxEntriesMax)
        }
    }
}

/// A letter from one loop to another.
package enum Mail: Sendable {
    /// To a channel's home: what do you keep of it?
    case recall(RecallRequest)
    /// From the home: this.
    case recalled(Recall)
    /// To a channel's home: so many more (or fewer) of a user's connections follow it, or of those
    /// without a user (nil).
    case attendance(ChannelName, user: [UInt8]?, change: Int)
    /// To one peer of a component.
    case send(Peer, text: Bool, [UInt8])
    case close(Peer, code: UInt16, reason: [UInt8])
}

/// Where a subscription or a history request begins.
enum Start: Sendable, Equatable {
    case now
    /// At the oldest retained message.
    case first
    /// After this sequence of the present epoch.
    case after(UInt64)
    /// After an id that this life of the log never gave: everything retained, and a gap is
    /// announced.
    case unknown

    init(id: [UInt8], epoch: Epoch, published: UInt64) {
        if id == Array("first".utf8) {
            self = .first
        } else if let id = MessageID(id.span), id.epoch == epoch, id.sequence <= published {
            self = .after(id.sequence)
        } else {
            self = .unknown
        }
    }
}

package struct RecallRequest: Sendable {
    enum Purpose: Sendable {
        case subscription
        /// `GET …/messages`.
        case request
        /// The `history` command, with its `ref`.
        case command([UInt8]?)
        /// `GET …/presence`.
        case presenceRequest
        /// The `presence` command, with its `ref`.
        case presenceCommand([UInt8]?)
    }

    let requester: Peer
    let purpose: Purpose
    /// Tells this recall from an earlier one for the same channel that is still on its way.
    let ticket: UInt32
    let channel: ChannelName
    var start: Start
    /// The requester has seen all up to here: the home answers once it has, too.
    let upTo: UInt64
    let limit: Int
    /// The answer's last message is to say who is there.
    var wantsPresence = false
}

package struct Recall: Sendable {
    let request: RecallRequest
    let messages: [Logged]
    /// The messages are all that is retained up to this sequence.
    let through: UInt64
    /// Some messages between the start and the first of these are gone.
    let gap: Bool
}
