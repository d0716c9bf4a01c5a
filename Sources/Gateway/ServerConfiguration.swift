// What an embedder or the command line can set.

/// How a ``Server`` is to be.
public struct ServerConfiguration: Sendable {
    /// Where a certificate comes from.
    public enum Certificate: Sendable {
        /// PEM files: the chain, leaf first, and its key.
        case files(certificate: String, key: String)
        /// Made on the spot for localhost, 127.0.0.1 and ::1; for development.
        case selfSigned
    }

    /// Addresses for plain connections: `HOST:PORT`, `[IPV6]:PORT`, `PORT` (all interfaces),
    /// `unix:PATH`. Port 0 lets the kernel choose.
    public var listen: [String] = []
    /// Addresses for TLS; they need a ``certificate``.
    public var listenTLS: [String] = []
    public var certificate: Certificate?
    /// Loops, each on a thread of its own: 1…256; nil is one per core.
    public var loops: Int?

    /// Anyone may follow any channel.
    public var anonymousRead = false
    /// Anyone may publish on any channel.
    public var anonymousPublish = false
    /// Keys whose holders may read and publish: `Authorization: Bearer KEY`.
    public var apiKeys: [String] = []
    /// Origins whose pages may call, besides the gateway's own: `https://example.org`, or `*` for
    /// any.
    public var allowedOrigins: [String] = []

    /// One message's payload, bytes, 1…1 GiB.
    public var messageBytesMax = 1 << 20
    /// Messages waiting for one slow connection, bytes; what is written for it and not taken counts
    /// for half of it at most.
    public var backlogBytesMax = 1 << 20
    /// Connections of the process; nil is what its descriptors allow.
    public var connectionsMax: Int?
    /// Connections of one address (of IPv6, of its first 64 bits); 0 is any number. Behind a proxy
    /// all come from one.
    public var connectionsPerAddressMax = 0
    /// New connections of one address a second, and at once; 0 is any number.
    public var connectsPerSecondMax = 0
    /// Messages that a connection may publish a second, and at once; 0 is any number. Holders of a
    /// key are exempt.
    public var publishesPerSecondMax = 0
    /// Other commands of `carillon.v1`, likewise.
    public var commandsPerSecondMax = 0
    /// Held of requests and messages that are not whole, bytes over the whole process; nil is an
    /// eighth of ``memoryBytesMax``, or 128 MiB.
    public var inboundBytesTotal: Int?
    /// A ceiling for the memory that clients fill, bytes: half of it is for history, a quarter for
    /// what waits for slow clients, an eighth each for unfinished input and for messages in flight.
    /// What is set for one of them on its own is taken off first. Connections themselves stand
    /// beside it: about 1 KiB each in plain, 15 KiB under TLS.
    public var memoryBytesMax: Int?
    /// What a channel keeps for those who come back, messages; 0 keeps nothing.
    public var historyMessagesMax = 100
    /// The same, seconds.
    public var historySeconds = 300
    /// Settings of channels by the first part of their name, 63 at most and one for `*`, all other
    /// channels.
    public var namespaces: [NamespaceConfiguration] = []
    /// What all channels together keep, bytes; the loops share it evenly. Nil is half of
    /// ``memoryBytesMax``, or 256 MiB.
    public var historyBytesTotalMax: Int?
    /// What waits for all slow connections together, bytes; the loops share it evenly. Nil is a
    /// quarter of ``memoryBytesMax``, or 256 MiB.
    public var backlogBytesTotalMax: Int?
    /// How long connections have to take what is owed to them once the server stops, seconds.
    public var drainSeconds = 5

    /// An HTML page answered at `/`.
    public var page: String?
    /// Answers the gateway's own page for trying things out at `/`, in place of ``page``.
    public var developmentPage = false

    public init() {}
}
