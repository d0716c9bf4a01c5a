// What the shard knows of one connection. Thousands of these stand in one array.

internal import Wire

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

/// Its members stand in an order that leaves few gaps between them.
struct Connection {
    var generation: UInt32
    var rights: Rights = []
    var isSecure = false
    /// Its own messages are not sent back to it.
    var withoutEcho = false
    var readingPaused = false
    var activity = Activity.none
    /// What ``Turnstile`` counts it as.
    var passage = Passage.none
    /// Bytes that it holds of what is not whole, as counted in ``Shard/inboundBytes``.
    var inboundBytes: UInt32 = 0
    var subscriptions = Subscriptions()
    /// Present while the connection can't be given live messages as they are framed.
    var lag: Lag?
    /// Monotonic milliseconds at which the peer last sent anything.
    var lastHeard: UInt64 = 0
    /// The name that the client gave itself; nil for an anonymous one. It does not change while the
    /// connection follows channels.
    var user: [UInt8]?
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
        case body(IncomingBody)
    }

    var stage = Stage.head
    var scanner: HTTP1HeadScanner
    /// Bytes read and not used yet: part of a head, or requests behind one that still waits.
    var carry: [UInt8] = []
    /// The peer has ended its half: what it asked for before is answered, then the connection ends.
    var inputEnded = false
    /// What the last request's answer waits for; requests behind it wait as well.
    var awaits: Awaited?
    /// The last request was answered, and no byte of a further one's head has been read: it is not
    /// counted on.
    var hasAnswered = false
    /// The connection is over a limit: its first request is answered by this.
    var refusal: Turnstile.Refusal?

    init(limits: HTTP1Limits) { scanner = HTTP1HeadScanner(limits: limits) }

    /// Bytes held of what is not whole.
    var heldBytes: Int {
        guard case .body(let body) = stage else { return carry.count }
        return carry.count + body.bytes.count
    }

    /// Kept alive after a response, and nothing of a further request is in.
    var isIdle: Bool {
        guard case .head = stage else { return false }
        return hasAnswered && carry.isEmpty && awaits == nil
    }
}

/// A request whose body did not come whole with its head. On the heap for as long as it comes: most
/// connections wait for a head.
final class IncomingBody {
    let head: RequestHead
    var decoder: BodyDecoder
    /// What has come of it.
    var bytes: [UInt8]
    /// Bytes of it that had come at the last deadline.
    var bytesBefore = 0

    init(head: RequestHead, decoder: BodyDecoder, bytes: [UInt8]) {
        self.head = head
        self.decoder = decoder
        self.bytes = bytes
    }
}

/// What an answer waits for, and what it needs then; on the heap, since few wait.
indirect enum Awaited {
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

/// A WebSocket after its handshake. There is one for each, idle or not, so its members are small and
/// stand in an order that leaves few gaps: 120 bytes with the object's head.
final class WebSocketSession {
    enum Style {
        case raw
        case v1
        /// Index of the component that owns the path.
        case component(UInt16)
    }

    /// Why the gateway has sent a close frame of its own accord.
    enum Ending: UInt8 {
        case none
        case server
        case slow
    }

    var decoder: WebSocketDecoder
    /// Agreed window bits of permessage-deflate, 0 without it.
    let windowBits: UInt8
    let style: Style
    var closeSent = false
    var ending = Ending.none
    /// The component has been told that this peer is gone.
    var closeTold = false
    /// The peer has ended its half; what it sent before is in ``carry``.
    var inputEnded = false
    /// The gateway is stopping; the connection is closed once it has those answers.
    var leavesOnceAnswered = false
    /// `history` and `presence` commands not answered yet.
    var recallCommands: UInt32 = 0
    /// Answers to `publish` commands that wait for the disk.
    var acks: UInt32 = 0
    /// Bytes of the unfinished message at the last heartbeat; `UInt32.max` when there was none, or
    /// it has ended since.
    var unfinishedBefore = UInt32.max
    /// Monotonic milliseconds of the last heartbeat: silence that nobody has asked about (a process
    /// that was stopped for a while) says nothing.
    var askedAt: UInt64 = 0
    /// The last ping not answered yet because the peer takes nothing (RFC 6455 §5.5.3 lets older
    /// ones go).
    var owedPong: [UInt8]?
    /// Frames read that wait their turn.
    var carry: [UInt8] = []
    var commands = Meter()

    init(decoder: WebSocketDecoder, style: Style, windowBits: Int) {
        self.decoder = decoder
        self.style = style
        self.windowBits = UInt8(windowBits)
    }
}
