// The bounds of the durable history, each with its unit and its reason.

/// What the store holds back, waits for and keeps, at most.
package struct StoreLimits: Sendable {
    /// Cost of the messages that wait for the disk before durable publishes are refused, bytes. What
    /// the ring holds at that moment still comes: that is bounded by the ring's own budget.
    package var pendingBytesMax = 64 << 20
    /// How long a message of a namespace with interval durability waits for others to share its
    /// commit, milliseconds.
    package var intervalMilliseconds: UInt64 = 100
    /// Sequences that are reserved ahead. While the disk fails nothing more can be reserved, and the
    /// ring goes on with what there is, at least half of this: six hours at 100,000 messages a
    /// second. A crash leaves out as many, out of 2^62.
    package var reservedSequences: UInt64 = 1 << 32
    /// Channels in the file. A message for one more is refused as if the disk were full.
    package var channelsMax = 1 << 20
    /// For how long a channel that has lost all its messages to age is remembered, milliseconds:
    /// after that, who comes back to it may be told of a gap where there is none.
    package var channelMemoryMilliseconds: UInt64 = 3_600_000
    /// Between two sweeps for what has expired, milliseconds.
    package var sweepMilliseconds: UInt64 = 10_000
    /// Rows that one sweep deletes, so that commits do not wait for it; the next then follows at once.
    package var sweepRowsMax = 4_096
    /// After a failed write, until the next try, milliseconds; doubled up to the maximum.
    package var retryMilliseconds: UInt64 = 50
    package var retryMillisecondsMax: UInt64 = 5_000
    /// Channels whose sums are kept in memory between two transactions.
    package var booksMax = 1 << 16
    /// Messages that are read from the ring at a time, and their bytes.
    package var readMessagesMax = 1_024
    package var readBytesMax = 1 << 20
    /// Pages of 4 KiB that the file may have; nil is what the disk holds.
    package var pagesMax: Int?

    package init() {}
}

/// What the store needs to know of a namespace. By index, as `Message.namespace` has it.
package struct StoredNamespace: Sendable, Equatable {
    /// The raw values stand in the file.
    package enum Durability: UInt8, Sendable {
        /// Not stored.
        case memory = 0
        /// Stored within ``StoreLimits/intervalMilliseconds``.
        case interval = 1
        /// Stored at once: somebody waits for it.
        case fsync = 2
    }

    /// Without the colon; empty for the one that holds all other channels.
    package var name: [UInt8]
    package var durability: Durability
    /// A newer message takes the place of all before it: they are not missing.
    package var isLastOnly: Bool
    /// What a channel keeps: messages, bytes of their cost, milliseconds.
    package var messagesMax: Int
    package var bytesMax: Int
    package var millisecondsMax: UInt64

    package init(
        name: [UInt8], durability: Durability, isLastOnly: Bool = false, messagesMax: Int = 100,
        bytesMax: Int = 4 << 20,
        millisecondsMax: UInt64 = 300_000
    ) {
        self.name = name
        self.durability = durability
        self.isLastOnly = isLastOnly
        self.messagesMax = isLastOnly ? 1 : messagesMax
        self.bytesMax = bytesMax
        self.millisecondsMax = millisecondsMax
    }
}
