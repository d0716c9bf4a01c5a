// One connection at the rim: its stream, its TLS engine, and what the kernel would not take yet.

internal import Bytes
internal import Hub
internal import Loops
internal import TLS

/// What the write of a turn looks at: sixteen bytes in an array by slot, so that a delivery touches
/// no object.
struct Endpoint {
    /// For writes when nothing is in their way; −1 in a free slot, under TLS, and while a queued
    /// write is in flight.
    var directDescriptor: Int32 = -1
    /// Nil in a free slot.
    var connection: RimConnection?
}

/// The rim's part of a connection. Idle, it holds no buffer.
final class RimConnection {
    let stream: Stream
    let peer: Peer
    let tls: TLSEngine?
    /// One queued write: what a slow peer has to take within `backlogMillisecondsMax`, bytes.
    static let pieceBytes = 64 << 10

    /// Bytes on their way by queued writes, one piece after the other, and how many are out.
    var queued: ByteBuffer?
    var written = 0
    /// Bytes that wait behind those; nil when there are none.
    var pending: ByteBuffer?
    /// A queued write is in flight: nothing may be written around it.
    var isBlocked = false
    /// Our half is to be ended when the pending bytes are out.
    var wantsShutdown = false

    /// A piece is out.
    ///
    /// - Returns: its bytes.
    func takeWritten() -> Int {
        guard let bytes = queued else { return 0 }
        let piece = min(bytes.count - written, RimConnection.pieceBytes)
        written += piece
        if written == bytes.count { queued = nil }
        return piece
    }

    init(stream: Stream, peer: Peer, tls: TLSEngine?) {
        self.stream = stream
        self.peer = peer
        self.tls = tls
    }
}
