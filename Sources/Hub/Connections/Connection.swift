// What the shard knows of one connection. Thousands of these stand in one array.

internal import Ring
internal import Wire

/// A connection's part in one channel.
struct Subscription {
    /// Index into the channel table.
    var channel: Int32
    /// Index into the group's members.
    var member: Int32
    var encoding: Encoding
    /// The ticket of the recall that is on its way for this subscription, 0 for none; what is live
    /// meanwhile waits in the connection's ``Lag``.
    var recall: UInt32 = 0
}

struct Rights: OptionSet {
    let rawValue: UInt8
    static let read = Rights(rawValue: 1)
    static let publish = Rights(rawValue: 2)
    /// Holds a key: no rate is measured.
    static let unmetered = Rights(rawValue: 4)
}

/// What a connection is doing.
enum Activity {
    /// The slot is free.
    case none
    /// Reading requests (RFC 9112).
    case http(HTTPExchange)
    case webSocket(WebSocketSession)
    /// Server-sent events or lines: output only.
    case stream(Encoding.Form)
    /// A long-poll that waits.
    case poll(LongPoll)
    /// Our half is closed; what comes is thrown away until the peer closes its own.
    case lingering
}

struct Connection {
    var generation: UInt32
    var activity = Activity.none
    var subscriptions: [Subscription] = []
    /// Present while the connection can't be given live messages as they are framed.
    var lag: Lag?
    /// Monotonic milliseconds at which the peer last sent anything.
    var lastHeard: UInt64 = 0
    var rights: Rights = []
    /// The name that the client gave itself; nil for an anonymous one. It does not change while the
    /// connection follows channels.
    var user: [UInt8]?
    var isSecure = false
    /// Its own messages are not sent back to it.
    var withoutEcho = false
    var readingPaused = false
    /// What ``Turnstile`` counts it as.
    var passage = Passage.none
    /// Bytes that it holds of what is not whole, as counted in ``Shard/inboundBytes``.
    var inboundBytes = 0
    var publishes = Meter()
}

enum Passage {
    /// Not counted: a free slot.
    case none
    case counted(PeerAddress?)
    /// Over a limit, and kept only to be told so.
    case refused
}

/// A request being read, and what came behind it.
final class HTTPExchange {
    enum Stage {
        case head
        case body(RequestHead)
    }

    var stage = Stage.head
    var scanner: HTTP1HeadScanner
    /// Bytes read and not used yet: part of a head, or requests behind one that still waits.
    var carry: [UInt8] = []
    var bodyDecoder: BodyDecoder?
    var body: [UInt8] = []
    /// The peer has ended its half: what it asked for before is answered, then the connection ends.
    var inputEnded = false
    /// What the last request's answer waits for; requests behind it wait as well.
    var awaits: Awaited?
    /// The last request was answered, and no byte of a further one's head has been read: it is not
    /// counted on.
    var hasAnswered = false
    /// Bytes of the body that had come at the last deadline.
    var bodyBytesBefore = 0
    /// The connection is over a limit: its first request is answered by this.
    var refusal: Turnstile.Refusal?

    init(limits: HTTP1Limits) { scanner = HTTP1HeadScanner(limits: limits) }

    /// Kept alive after a response, and nothing of a further request is in.
    var isIdle: Bool {
        guard case .head = stage else { return false }
        return hasAnswered && carry.isEmpty && awaits == nil
    }
}

/// What an answer waits for, and what it needs then.
enum Awaited {
    /// What a channel's home keeps.
    case recall(RequestHead)
    case disk(PendingPublish)
}

final class LongPoll {
    let head: RequestHead
    let exchange: HTTPExchange
    var sawGap = false
    /// The last message of an answer that does not hold all that waited.
    var through: UInt64?

    init(head: RequestHead, exchange: HTTPExchange) {
        self.head = head
        self.exchange = exchange
    }
}

/// A WebSocket after its handshake.
final class WebSocketSession {
    enum Style {
        case raw
        case v1
        /// Index of the component that owns the path.
        case component(Int)
    }

    var decoder: WebSocketDecoder
    let style: Style
    /// Agreed window bits of permessage-deflate, 0 without it.
    let windowBits: Int
    var closeSent = false
    /// Why the gateway has sent a close frame of its own accord.
    var endReason: CloseReason?
    /// The component has been told that this peer is gone.
    var closeTold = false
    /// Monotonic milliseconds of the last heartbeat: silence that nobody has asked about (a process
    /// that was stopped for a while) says nothing.
    var askedAt: UInt64 = 0
    /// The last ping not answered yet because the peer takes nothing (RFC 6455 §5.5.3 lets older
    /// ones go).
    var owedPong: [UInt8]?
    /// Frames read that wait their turn.
    var carry: [UInt8] = []
    /// The peer has ended its half; what it sent before is in ``carry``.
    var inputEnded = false
    /// Bytes of the unfinished message at the last heartbeat; nil when there was none, or it has
    /// ended since.
    var unfinishedBefore: Int?
    /// `history` and `presence` commands not answered yet.
    var recallCommands = 0
    var commands = Meter()
    /// Answers to `publish` commands that wait for the disk.
    var acks = 0
    /// The gateway is stopping; the connection is closed once it has those answers.
    var leavesOnceAnswered = false
    /// The channels named in the URL; a raw session's own frames are published on the first.
    let channels: [ChannelName]

    init(
        decoder: WebSocketDecoder, style: Style, windowBits: Int, channels: [ChannelName]
    ) {
        self.decoder = decoder
        self.style = style
        self.windowBits = windowBits
        self.channels = channels
    }
}
