// What one client connection knows. Plain data in raw memory, one per connection of a thread, since
// a class for each would cost a retain and an exclusivity check per event.

import COpenSSL
import Glibc

struct Connection {
    enum Stage {
        case closed
        case connecting
        case securing
        case upgrading
        /// A WebSocket's commands are on their way.
        case subscribing
        case open
    }

    enum Role {
        case subscriber
        case publisher
        /// Publishes, and receives what it published.
        case echo
    }

    var socket: Int32 = -1
    var stage = Stage.closed
    var role = Role.subscriber
    var isChunked = false
    /// Freed with the socket.
    var session: OpaquePointer?
    var chunks = ChunkedBody()
    /// How many commands are still to be answered.
    var unanswered = 0
    /// The beginning of a unit that has not wholly arrived; memory is owned only then.
    var rest: UnsafeMutableRawPointer?
    var restCount = 0

    mutating func keep(_ bytes: UnsafeRawPointer, _ count: Int) {
        free(rest)
        rest = count > 0 ? malloc(count) : nil
        if let rest { memcpy(rest, bytes, count) }
        restCount = count
    }

    mutating func close() {
        keep(UnsafeRawPointer(bitPattern: 1)!, 0)
        if let session { SSL_free(session) }
        session = nil
        Glibc.close(socket)
        socket = -1
        stage = .closed
        isChunked = false
        chunks = ChunkedBody()
        unanswered = 0
    }
}
