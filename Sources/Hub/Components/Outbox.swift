// What a component wants done.

/// A list of wishes, carried out in order when the callback has returned.
public struct Outbox {
    enum Wish {
        case subscribe(Peer, String)
        case unsubscribe(Peer, String)
        case publish(isText: Bool, [UInt8], to: String, except: Peer?)
        case send(Peer, isText: Bool, [UInt8])
        case close(Peer, code: UInt16, reason: String)
    }

    var wishes: [Wish] = []

    /// The peer gets every message published on `channel` from now on, as a frame of its bytes.
    public mutating func subscribe(_ peer: Peer, to channel: String) {
        wishes.append(.subscribe(peer, channel))
    }

    public mutating func unsubscribe(_ peer: Peer, from channel: String) {
        wishes.append(.unsubscribe(peer, channel))
    }

    /// Everybody who follows `channel` gets the message, over whichever transport, except `peer`.
    public mutating func publish(
        _ message: MessageView, to channel: String, except peer: Peer? = nil
    ) {
        wishes.append(
            .publish(isText: message.isText, message.bytes, to: channel, except: peer))
    }

    public mutating func publish(_ text: String, to channel: String, except peer: Peer? = nil) {
        wishes.append(.publish(isText: true, Array(text.utf8), to: channel, except: peer))
    }

    /// One peer gets the message. It may be a peer of another loop; one that is gone is ignored.
    public mutating func send(_ message: MessageView, to peer: Peer) {
        wishes.append(.send(peer, isText: message.isText, message.bytes))
    }

    public mutating func send(_ text: String, to peer: Peer) {
        wishes.append(.send(peer, isText: true, Array(text.utf8)))
    }

    /// Sends a close frame and ends the connection.
    ///
    /// - Parameters:
    ///   - code: 1000…4999 as RFC 6455 §7.4 allows a sender.
    ///   - reason: at most 123 bytes of UTF-8; what is longer is cut.
    public mutating func close(_ peer: Peer, code: UInt16 = 1000, reason: String = "") {
        wishes.append(.close(peer, code: code, reason: reason))
    }
}
