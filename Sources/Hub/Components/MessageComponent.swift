// Embedding, after Ratchet's four callbacks.

internal import Wire

/// A program's own logic behind a WebSocket path.
///
/// Every loop makes an instance of its own and calls it on its own thread only: an instance needs
/// no locks and need not be `Sendable`. It sees the peers of its loop; what it publishes reaches
/// the subscribers of all loops.
///
/// A callback says what it wants done by appending to the ``Outbox`` and returns. It can't call
/// back into the gateway, so it can't find it half-way through something. A callback that blocks
/// stops its whole loop.
public protocol MessageComponent {
    /// The handshake is done.
    mutating func onOpen(_ peer: Peer, _ request: RequestView, _ out: inout Outbox)

    /// A whole message arrived, text or binary; text is valid UTF-8.
    mutating func onMessage(_ peer: Peer, _ message: MessageView, _ out: inout Outbox)

    /// The peer is gone, or going: nothing can be sent to it any more. Called once for each
    /// ``onOpen(_:_:_:)-(_,_,_)``.
    mutating func onClose(_ peer: Peer, _ reason: CloseReason, _ out: inout Outbox)

    /// The peer broke the protocol (it is closed next), or something asked for in its name was
    /// refused.
    mutating func onError(_ peer: Peer, _ error: PeerError, _ out: inout Outbox)
}

extension MessageComponent {
    public mutating func onOpen(_ peer: Peer, _ request: RequestView, _ out: inout Outbox) {}
    public mutating func onClose(_ peer: Peer, _ reason: CloseReason, _ out: inout Outbox) {}
    public mutating func onError(_ peer: Peer, _ error: PeerError, _ out: inout Outbox) {}
}

/// The request that opened a connection.
public struct RequestView {
    let head: RequestHead

    /// The path without the query, as sent.
    public var path: String { String(decoding: head.path, as: UTF8.self) }

    /// The first value of a header field; names are compared without case.
    public func header(_ name: StaticString) -> String? { head.first(name) }

    /// The first value of a query parameter, decoded.
    public func query(_ name: String) -> String? {
        head.query.first { $0.name == Array(name.utf8) }.map {
            String(decoding: $0.value, as: UTF8.self)
        }
    }
}

/// A message from a peer.
public struct MessageView: Sendable {
    public let isText: Bool
    public let bytes: [UInt8]

    /// The message as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Why a connection ended.
public enum CloseReason: Sendable, Equatable {
    /// The peer sent a close frame; the code is absent when the frame was empty (RFC 6455 §7.1.5).
    case peer(code: UInt16?, reason: [UInt8])
    /// The connection broke, or the peer fell silent.
    case lost
    /// The peer took too little for too long.
    case slow
    /// The gateway ended it.
    case server
}

/// What went wrong with a peer.
public enum PeerError: Error, Sendable, Equatable {
    /// The peer broke RFC 6455; the connection is closed with the code that the RFC names.
    case protocolViolation(String)
    /// A channel's name is empty, too long, not UTF-8, or holds control characters.
    case badChannel(String)
    /// The peer follows as many channels as it may.
    case tooManyChannels(limit: Int)
    /// The ring is full: a loop is behind; or the channel is durable and the disk takes nothing.
    /// The message was not published.
    case notPublished
    /// The message is larger than the gateway takes.
    case tooLarge(limit: Int)
}
