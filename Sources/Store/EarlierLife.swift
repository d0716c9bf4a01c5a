// What the file held when it was opened: what an earlier life of the log has left to this one.

package import Ring

/// One message with its place in the log.
package struct StoredMessage: Sendable {
    package let sequence: UInt64
    package let message: Message

    package init(sequence: UInt64, message: Message) {
        self.sequence = sequence
        self.message = message
    }
}

/// The past of one channel.
package struct StoredChannel: Sendable {
    package let channel: ChannelName
    /// Oldest first; may be empty.
    package internal(set) var messages: [StoredMessage]
    /// The channel's highest sequence that is no longer kept; 0 for none.
    package internal(set) var forgotten: UInt64
    /// When its last message was published, milliseconds of Unix time.
    package internal(set) var lastMilliseconds: UInt64
}

/// What this life begins with.
package struct EarlierLife: Sendable {
    /// Names the log, also after restarts.
    package let epoch: [UInt8]
    /// Every sequence that was ever given is at most this; 0 for a new file.
    package let start: UInt64
    /// The last life ended by itself and had written everything.
    package let wasClean: Bool
    /// By namespace: a channel that is not among ``channels`` may have lost messages up to here.
    package let floors: [UInt64]
    package let channels: [StoredChannel]
}
