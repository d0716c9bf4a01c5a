// What one loop delivers: its subscribers by channel, and what they shall get when the turn ends.

import NIOCore
import NIOWebSocket

/// When a subscriber is written to.
enum Writing {
    /// Once a turn, with all that it is owed, framed once for everybody.
    case turns
    /// For each message by itself, which its pipeline frames: as examples do it.
    case messages
}

/// A loop with its hub, for those on other loops.
struct RelayLoop: Sendable {
    let eventLoop: any EventLoop
    let hub: NIOLoopBoundBox<Hub>
}

/// Belongs to its loop.
final class Hub {
    private final class Audience {
        var subscribers: [Subscriber] = []
        var turn: [ByteBuffer] = []
    }

    private let eventLoop: any EventLoop
    private var audiences: [String: Audience] = [:]
    /// Those who get something when the turn ends.
    private var due: [Audience] = []

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func subscribe(_ subscriber: Subscriber, to name: String) {
        let audience = audiences[name] ?? Audience()
        audiences[name] = audience
        subscriber.place = audience.subscribers.count
        audience.subscribers.append(subscriber)
    }

    func unsubscribe(_ subscriber: Subscriber, from name: String) {
        guard let audience = audiences[name], let last = audience.subscribers.popLast() else {
            return
        }
        if last !== subscriber {
            audience.subscribers[subscriber.place] = last
            last.place = subscriber.place
        }
        if audience.subscribers.isEmpty { audiences[name] = nil }
    }

    /// Takes frames for a channel. They are written when the loop has run what else it has to run:
    /// then those of all publishers share a write.
    func publish(_ frames: [ByteBuffer], to name: String) {
        guard let audience = audiences[name] else { return }
        if audience.turn.isEmpty {
            if due.isEmpty { eventLoop.assumeIsolated().execute { self.deliver() } }
            due.append(audience)
        }
        audience.turn.append(contentsOf: frames)
    }

    /// Takes a message for a channel, and writes it at once.
    func publish(_ message: WebSocketFrame, to name: String) {
        guard let audience = audiences[name] else { return }
        // Backwards, since one that closes is replaced by the last.
        for index in audience.subscribers.indices.reversed() {
            audience.subscribers[index].writeAndFlush(message)
        }
    }

    private func deliver() {
        for audience in due {
            // Backwards, since one that closes is replaced by the last.
            for index in audience.subscribers.indices.reversed() {
                audience.subscribers[index].write(audience.turn)
            }
            audience.turn.removeAll(keepingCapacity: true)
        }
        due.removeAll(keepingCapacity: true)
    }
}
