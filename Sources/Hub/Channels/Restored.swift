// What a durable history held when the process started.

package import Ring

/// The past of one channel, from an earlier life of the same log.
package struct Restored: Sendable {
    package let channel: ChannelName
    /// Oldest first; all sequences at most ``Settings/start``.
    package let messages: [Logged]
    /// The channel's highest sequence that is no longer kept, 0 for none.
    package let forgotten: UInt64
    /// When the channel's last message was published, milliseconds of Unix time.
    package let lastUnixMilliseconds: UInt64

    package init(
        channel: ChannelName, messages: [Logged], forgotten: UInt64,
        lastUnixMilliseconds: UInt64 = 0
    ) {
        self.channel = channel
        self.messages = messages
        self.forgotten = forgotten
        self.lastUnixMilliseconds = lastUnixMilliseconds
    }
}

extension Shard {
    /// Takes in the past of a channel. Before the first turn, on the channel's home; others ignore
    /// it. What is over the loop's share of memory may stay until the first sweep, up to a quarter
    /// of the share: the oldest is known only when all is in.
    package mutating func restore(_ past: Restored) {
        guard settings.home(of: past.channel) == index,
            // The namespace may have kept more when that life ended.
            settings.namespaces[settings.namespaces.index(of: past.channel.bytes)].keepsHistory
        else { return }
        let channel = house(past.channel)
        guard channel >= 0 else { return }
        channels[channel].history = History(forgotten: 0)
        for logged in past.messages { enter(logged, channel) }
        // Last: it may speak of sequences that follow those of the messages.
        channels[channel].history!.remember(
            forgotten: past.forgotten, lastUnixMilliseconds: past.lastUnixMilliseconds)
        if ledger.bytes > historyShare / 4 * 5 { evictHistory(toBytes: historyShare) }
        if ledger.isWasteful { compactLedger() }
    }
}
