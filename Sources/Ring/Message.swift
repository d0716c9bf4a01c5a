// What one publish makes, and what every loop reads. What it is not: framed for any transport.

/// One published message; immutable, so that every loop may read it without a lock.
///
/// One class instance and its arrays: this is what a publish allocates, whatever the number of
/// subscribers.
package final class Message: Sendable {
    /// How the payload is to be understood by a client.
    package enum Kind: UInt8, Sendable {
        /// UTF-8.
        case text
        /// Any bytes.
        case binary
        /// One JSON value in UTF-8.
        case json
        /// A notice: the user whose name the payload is has come to the channel.
        case join
        /// A notice: the user whose name the payload is has left the channel.
        case leave
        /// A notice to one subscriber, never in the ring: who is there, as one JSON object.
        case presence

        /// It tells of the channel's followers, in order with its messages, and is none of them: no
        /// history keeps it, nothing durable holds it, and no count of messages has it.
        @inlinable
        package var isNotice: Bool { rawValue >= Kind.join.rawValue }
    }

    /// Bytes that a message holds beside its payload, event and name: the instance and the heads
    /// of three arrays, with what the allocator adds.
    package static let overheadBytes = 272

    package let channel: ChannelName
    /// Index of the channel's namespace.
    package let namespace: UInt8
    package let kind: Kind
    /// The event's name, if it has one.
    package let event: [UInt8]?
    package let payload: [UInt8]
    /// The connection that published, as its `Peer` bits; 0 is nobody.
    package let sender: UInt64
    /// Publish time, milliseconds of Unix time.
    package let timeMilliseconds: UInt64
    /// How long history keeps it, in milliseconds; 0 means as long as its channel says.
    package let timeToLiveMilliseconds: UInt32
    /// Bytes that this message holds, for budgets. Arrays count by what is in them, not by their
    /// capacity: who fills a payload reserves what it needs.
    package let cost: Int

    package init(
        channel: ChannelName, namespace: UInt8 = 0, kind: Kind, event: [UInt8]? = nil,
        payload: [UInt8],
        sender: UInt64 = 0, timeMilliseconds: UInt64, timeToLiveMilliseconds: UInt32 = 0
    ) {
        self.channel = channel
        self.namespace = namespace
        self.kind = kind
        self.event = event
        self.payload = payload
        self.sender = sender
        self.timeMilliseconds = timeMilliseconds
        self.timeToLiveMilliseconds = timeToLiveMilliseconds
        cost = payload.count + (event?.count ?? 0) + channel.bytes.count + Self.overheadBytes
    }
}
