// What a shard is told when it is made. Shared by all loops, never changed afterwards.

package import Ring
package import Wire

/// Who may do what, until tokens say it.
package struct Access: Sendable {
    /// Anyone may follow any channel.
    package var anonymousRead = false
    /// Anyone may publish on any channel.
    package var anonymousPublish = false
    /// Keys whose holders may read and publish, compared in constant time.
    package var apiKeys: [[UInt8]] = []
    /// Origins (RFC 6454, `https://host[:port]`) that may call from a browser besides the gateway's
    /// own.
    package var allowedOrigins: [String] = []
    /// Any origin may call from a browser.
    package var anyOrigin = false

    package init() {}
}

/// A static page answered at `/`.
package struct Page: Sendable {
    package var contentType: String
    package var body: [UInt8]

    package init(contentType: String, body: [UInt8]) {
        self.contentType = contentType
        self.body = body
    }
}

/// What all shards of one process share.
package struct Settings: Sendable {
    package var limits = Limits()
    package var access = Access()
    package var namespaces = Namespaces()
    /// Names this life of the log.
    package var epoch: Epoch
    package var hashKey: HashKey
    package var loops: Int
    package var page: Page?
    /// The highest sequence that an earlier life of this log has given, or may have; messages of
    /// this life follow it. 0 without a durable history.
    package var start: UInt64 = 0
    /// By namespace: messages of an earlier life up to here are gone, except those that are
    /// restored. Empty without a durable history.
    package var earlierLifeFloors: [UInt64] = []

    package init(epoch: Epoch, hashKey: HashKey, loops: Int) {
        self.epoch = epoch
        self.hashKey = hashKey
        self.loops = loops
    }

    /// By namespace: up to here nothing is known of a channel that has no entry.
    var floors: [UInt64] {
        namespaces.all.indices.map { $0 < earlierLifeFloors.count ? earlierLifeFloors[$0] : start }
    }

    /// One loop's share of ``Limits/inboundBytesTotal``.
    var inboundBytesPerLoopMax: Int { limits.inboundBytesTotal / loops }

    /// The loop that keeps `channel`'s history.
    package func home(of channel: ChannelName) -> Int {
        // The high half: the table's buckets use the low bits of the same hash.
        Int(truncatingIfNeeded: (channel.hash >> 32) % UInt64(loops))
    }
}
