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
    /// The SQLite file that keeps what durable namespaces publish; made if it is not there. Needed if
    /// and only if a namespace is durable. One process at a time.
    public var durablePath: String?
    /// For how long a connection may take nothing of what waits for it, seconds.
    public var backlogSeconds = 30
    /// A request's head to arrive, seconds, the TLS handshake included.
    public var headSeconds = 10
    /// A request's body to arrive, seconds.
    public var bodySeconds = 30
    /// Between two heartbeats on a quiet connection, seconds.
    public var heartbeatSeconds = 25
    /// A WebSocket that sent nothing for so long is closed, and so is any connection whose peer has
    /// not acknowledged a heartbeat, seconds.
    public var silenceSeconds = 60
    /// How long stopping may take, seconds: connections are sent away over three quarters of it or
    /// more, and the last ones have the rest to take what they are owed. Few connections take less.
    ///
    /// 0 sends all away at once. 25 leaves some room below the 30 seconds after which orchestrators
    /// commonly kill what they have told to stop.
    public var drainSeconds = 25
    /// Path of a Unix socket at which a running server is found and taken over, and a successor
    /// waited for: its listening sockets pass on, so no connection attempt fails meanwhile.
    public var handover: String?
    /// Lets another process listen on the same ports. The kernel then deals connections out to
    /// both; those that wait for a process that ends are reset.
    public var reusePort = false
    /// Takes sockets from the service manager, and tells it when the server is ready, lives and
    /// stops (systemd's `LISTEN_FDS`, `NOTIFY_SOCKET`, `WATCHDOG_USEC`, which are taken out of the
    /// environment).
    public var serviceManager = false

    /// An HTML page answered at `/`.
    public var page: String?
    /// Answers the gateway's own page for trying things out at `/`, in place of ``page``.
    public var developmentPage = false

    public init() {}
}
