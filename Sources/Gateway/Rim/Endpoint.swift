// One connection at the rim: its stream, its TLS engine, and what the kernel would not take yet.

internal import Bytes
internal import Hub
internal import Loops
internal import TLS

/// The rim's part of a connection. Idle, it holds no buffer.
final class Endpoint {
    let stream: Stream
    let peer: Peer
    let tls: TLSEngine?
    /// Bytes that wait behind a queued write; nil when there are none.
    var pending: ByteBuffer?
    /// A queued write is in flight: nothing may be written around it.
    var isBlocked = false
    /// Our half is to be ended when the pending bytes are out.
    var wantsShutdown = false

    init(stream: Stream, peer: Peer, tls: TLSEngine?) {
        self.stream = stream
        self.peer = peer
        self.tls = tls
    }
}
