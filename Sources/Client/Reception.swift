// The four ways to receive, behind one face: bytes in, messages and bytes to send out. No socket,
// no clock; the subscriber has both.

internal import Bytes

/// How messages come.
package enum Transport: String, Sendable, CaseIterable {
    /// WebSocket with the subprotocol `carillon.v1`.
    case webSocket = "ws"
    /// Server-sent events.
    case serverSentEvents = "sse"
    /// Long-polls, one after the other.
    case longPoll = "poll"
    /// One answer without end, one JSON object a line.
    case stream

    /// What a URL's scheme suggests.
    package init(_ url: ServerURL) { self = url.isWebSocket ? .webSocket : .serverSentEvents }
}

/// What the subscriber is to do next.
enum ReceptionState: Equatable {
    case goesOn
    /// A poll is answered: ask again, on the same connection if it stays open.
    case answered(isEmpty: Bool, keepAlive: Bool)
    /// The server wants no more of this client, and that is no error.
    case ended
}

/// One connection's receiving side.
protocol Reception {
    /// Whether the server has taken the request.
    var isAccepted: Bool { get }
    /// The id to go on from after a break; nil as long as there is none.
    var position: [UInt8]? { get }
    /// What the server wants waited before the next connection, milliseconds.
    var retryMilliseconds: UInt64? { get }
    /// How long this connection may be silent, milliseconds.
    func silenceMillisecondsMax(_ limits: ClientLimits) -> UInt64

    /// Appends the first request, or the next one once a poll is answered.
    mutating func appendRequest(after: [UInt8]?, to buffer: ByteBuffer)
    /// Takes what has arrived.
    ///
    /// - Parameters:
    ///   - replies: gets what is to be sent at once.
    ///   - batch: gets what came, in order; it counts even where an error follows.
    mutating func receive(
        _ bytes: Span<UInt8>, replies: ByteBuffer, into batch: inout [Received]
    ) throws(ClientError) -> ReceptionState
    /// The server has closed the connection.
    ///
    /// - Throws: the error that it had begun to explain, or ``ClientError/closedByServer``.
    mutating func closed() throws(ClientError)
    /// Appends what is to be said before we close.
    func appendGoodbye(to buffer: ByteBuffer)
}

extension Reception {
    var retryMilliseconds: UInt64? { nil }
    func silenceMillisecondsMax(_ limits: ClientLimits) -> UInt64 { limits.silenceMillisecondsMax }
    func appendGoodbye(to buffer: ByteBuffer) {}
}

extension Transport {
    func reception(_ style: RequestStyle, _ limits: ClientLimits) -> any Reception {
        switch self {
        case .webSocket: WebSocketReception(style, limits)
        case .serverSentEvents: EventStreamReception(style, limits)
        case .longPoll: PollReception(style, limits)
        case .stream: LineReception(style, limits)
        }
    }
}

/// Whether the answer is of the type asked for; parameters do not matter.
func require(_ type: String, _ given: String?, _ what: String) throws(ClientError) {
    let name = (given ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
    guard name == type else {
        throw .unexpectedAnswer(
            "the server answered with \(name.isEmpty ? "no content type" : name), not with \(what)")
    }
}
