// One connection at the rim: its stream, its TLS engine, and what the kernel would not take yet.

internal import Bytes
internal import Hub
internal import Loops
internal import TLS

/// The rim's part of a connection: 32 bytes in an array by slot, so that a delivery touches no
/// object. For a plain one that has nothing to write they are all there is.
struct Endpoint {
    /// A raw value of 0, which nobody has, in a free slot.
    var peer = Peer(raw: 0)
    var tls: TLSEngine?
    /// Nil when nothing waits to be written.
    var unsent: Unsent?
    var stream = Stream(descriptor: -1)
    /// What the loop watches the stream for. It may be more than is wanted until an event comes that
    /// nobody wants: who stops reading mostly closes, or goes on, before that.
    var watched = Readiness.nothing
    /// The shard takes no input for the time being.
    var isPaused = false
    /// The peer has ended its half.
    var hasEnded = false

    /// Whether bytes may be written as they are, at once.
    var isDirect: Bool { tls == nil && unsent == nil }

    var wanted: Readiness {
        var wanted = isPaused || hasEnded ? Readiness.nothing : .reading
        if unsent != nil { wanted.insert(.writing) }
        return wanted
    }
}

/// Bytes that the kernel has not taken, in their order.
final class Unsent {
    /// What a slow peer has to take within `backlogMillisecondsMax`, bytes.
    static let progressBytesMin = 64 << 10

    /// Our half is to be ended once all is out.
    var wantsShutdown = false
    private var bytes: ByteBuffer
    /// Of `bytes`, from the front.
    private var sent = 0
    /// Bytes that went out since progress was last told of.
    private var untold = 0

    init(minimumCapacity: Int) {
        bytes = ByteBuffer(minimumCapacity: minimumCapacity)
    }

    var isEmpty: Bool { sent == bytes.count }

    /// Where more is appended. What is out is dropped when it is half, so that a peer who is never
    /// quite done does not make this grow.
    func room() -> ByteBuffer {
        guard sent > 0, sent >= bytes.count / 2 else { return bytes }
        let rest = ByteBuffer(minimumCapacity: bytes.count - sent)
        bytes.withSpan(sent..<bytes.count) { rest.append($0) }
        bytes = rest
        sent = 0
        return rest
    }

    /// - Returns: as ``Stream/write(_:)``.
    func write(to stream: Stream) -> Int {
        let written = bytes.withUnsafeBytes {
            stream.write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[sent...]))
        }
        sent += max(written, 0)
        untold += max(written, 0)
        return written
    }

    /// Bytes that went out and are worth telling of; 0 until they are enough.
    func takeProgress() -> Int {
        guard untold >= Unsent.progressBytesMin else { return 0 }
        defer { untold = 0 }
        return untold
    }
}
