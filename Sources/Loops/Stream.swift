// One accepted connection: a Swift object with its libuv handle in the same allocation. It holds no
// buffer: bytes in are the loop's, bytes out the caller's.

internal import CLibuv
internal import Glibc

/// What a stream keeps beside its handle.
package struct StreamState {
    fileprivate var token: UInt64 = 0
    fileprivate var isClosed = false
    fileprivate var hasEnded = false
    var hasQueuedWrite = false
    fileprivate let isUnix: Bool
}

/// The address of a peer, first byte highest.
package enum PeerHost: Equatable, Sendable {
    case ipv4(UInt32)
    /// The first and the last eight bytes.
    case ipv6(UInt64, UInt64)
}

/// A connection's owner. Loop's thread only.
///
/// An object header (16 bytes), the state (16), and the `uv_tcp_t` (248) or `uv_pipe_t` (264):
/// 288 bytes of heap with malloc's own for TCP, 304 for a Unix socket.
///
/// libuv holds one reference from accept until the close callback, so a stream stays open, and its
/// memory in place, whether or not anybody else holds it. Forgetting to close one keeps its
/// descriptor until the loop closes.
///
/// That it is a `ManagedBuffer` is for the one allocation; nothing of that is for its users.
package final class Stream: ManagedBuffer<StreamState, UInt64> {
    /// Makes a stream of an accepted, nonblocking socket.
    ///
    /// - Returns: nil if libuv refuses the descriptor, which stays the caller's.
    static func make(_ descriptor: Int32, isUnix: Bool, loop: Loop) -> Stream? {
        let size = isUnix ? MemoryLayout<uv_pipe_t>.size : MemoryLayout<uv_tcp_t>.size
        let buffer = Stream.create(minimumCapacity: (size + 7) / 8) { _ in
            StreamState(isUnix: isUnix)
        }
        // `create` allocates the class it is called on.
        let stream = unsafeDowncast(buffer, to: Stream.self)
        var code: Int32
        if isUnix {
            code = uv_pipe_init(loop.uv, stream.pipe, 0)
        } else {
            code = uv_tcp_init(loop.uv, stream.tcp)
        }
        guard code == 0 else {
            stream.header.isClosed = true
            return nil
        }
        // Taken back in `onStreamClosed`.
        stream.handle.pointee.data = Unmanaged.passRetained(stream).toOpaque()
        code = isUnix ? uv_pipe_open(stream.pipe, descriptor) : uv_tcp_open(stream.tcp, descriptor)
        guard code == 0 else {
            stream.header.isClosed = true
            uv_close(stream.anyHandle, onStreamClosed)
            return nil
        }
        return stream
    }

    deinit {
        assert(header.isClosed, "stream freed while open")
    }

    static func of(_ handle: UnsafeMutablePointer<uv_stream_t>) -> Stream {
        Unmanaged<Stream>.fromOpaque(handle.pointee.data).takeUnretainedValue()
    }

    /// The handler's own name for this stream; comes back in its events.
    package var token: UInt64 {
        get { header.token }
        set { header.token = newValue }
    }

    package var isClosed: Bool { header.isClosed }

    /// A queued write is still under way; until `LoopEvents.drained`, `tryWrite` takes nothing.
    package var hasQueuedWrite: Bool { header.hasQueuedWrite }

    /// Bytes that the queued write still has to hand to the kernel.
    package var queuedBytes: Int { uv_stream_get_write_queue_size(handle) }

    /// Bytes that come in are reported. Without effect after `LoopEvents.ended`.
    package func startReading() {
        assertUsable()
        guard !header.hasEnded else { return }
        let code = uv_read_start(handle, onAllocate, onRead)
        assert(code == 0, describe(code: code))
    }

    /// Leaves incoming bytes with the kernel, which in time stops the peer. While stopped, the
    /// peer's end or failure goes unnoticed too.
    package func stopReading() {
        assertUsable()
        uv_read_stop(handle)
    }

    /// Ends the sending side once the queued write is out; reading goes on.
    package func shutdown() {
        assertUsable()
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        // Refused if the stream was shut down before: then there is nothing to do.
        if uv_shutdown(request, handle, onShutDown) != 0 { request.deallocate() }
    }

    /// Closes, exactly once. No event comes after it; a queued write is dropped.
    ///
    /// Bytes that the kernel took already are still sent, unless bytes of the peer lie unread (then
    /// the kernel resets) or `reset` is set.
    ///
    /// - Parameter reset: drops what the kernel has, and resets the connection (TCP only).
    package func close(reset: Bool = false) {
        precondition(!header.isClosed, "stream closed twice")
        header.isClosed = true
        // Not before the check: the loop of a closed stream may be gone.
        let loop = Loop.of(handle.pointee.loop)
        assert(loop.isCurrent)
        if reset, !header.isUnix {
            // Not `uv_tcp_close_reset`, which refuses after `shutdown`.
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                descriptor, SOL_SOCKET, SO_LINGER, &linger,
                socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        uv_close(anyHandle, onStreamClosed)
        loop.streamClosed()
    }

    /// `127.0.0.1:40000`, `[::1]:40000` or `unix`; "unknown" once the peer has reset. Asks the
    /// kernel: keep it if it is needed often.
    package var peerAddress: String {
        assertUsable()
        return SocketAddress.peer(of: descriptor)?.text ?? "unknown"
    }

    /// The peer's address without its port; nil for a Unix socket, and once the peer has reset. Asks
    /// the kernel.
    package var peerHost: PeerHost? {
        assertUsable()
        return SocketAddress.peer(of: descriptor)?.host
    }

    /// Small writes leave at once. On for every accepted stream. Nothing for Unix sockets.
    package func setNoDelay(_ on: Bool) {
        assertUsable()
        if !header.isUnix { uv_tcp_nodelay(tcp, on ? 1 : 0) }
    }

    /// Ends the stream with an error when the peer's kernel has left bytes unacknowledged, or had no
    /// room for any, for so long. Without it a peer that is gone without a word keeps its stream
    /// until the kernel has tried again for a quarter of an hour. Nothing for Unix sockets.
    ///
    /// - Parameter milliseconds: 1 or more; 0 is the kernel's own time.
    package func setUnacknowledgedMax(milliseconds: UInt64) {
        assertUsable()
        guard !header.isUnix else { return }
        var timeout = UInt32(clamping: min(milliseconds, UInt64(Int32.max)))
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &timeout,
            socklen_t(MemoryLayout<UInt32>.size))
    }

    /// Probes a silent peer; ten unanswered probes, a second apart, end the stream with an error.
    /// Nothing for Unix sockets.
    ///
    /// - Parameter seconds: silence before the first probe, 1…32767; nil for no probes.
    package func setKeepAlive(afterSeconds seconds: UInt32?) {
        assertUsable()
        if !header.isUnix { uv_tcp_keepalive(tcp, seconds == nil ? 0 : 1, seconds ?? 0) }
    }
}

// MARK: - For the callbacks

extension Stream {
    /// - Returns: false if the end was reported before.
    func noteEnd() -> Bool {
        guard !header.hasEnded else { return false }
        header.hasEnded = true
        return true
    }

    func noteDrained() {
        header.hasQueuedWrite = false
    }

    /// The socket; -1 after close.
    package var descriptor: Int32 {
        var descriptor: uv_os_fd_t = -1
        guard uv_fileno(anyHandle, &descriptor) == 0 else { return -1 }
        return descriptor
    }
}

// MARK: - The handle behind the object

extension Stream {
    // The elements of a class instance lie at a fixed place after its header. The pointers are good
    // for as long as the object lives, and libuv holds a reference for as long as it uses them.
    private var memory: UnsafeMutableRawPointer {
        withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
    }

    var handle: UnsafeMutablePointer<uv_stream_t> {
        memory.assumingMemoryBound(to: uv_stream_t.self)
    }

    fileprivate var anyHandle: UnsafeMutablePointer<uv_handle_t> {
        memory.assumingMemoryBound(to: uv_handle_t.self)
    }

    fileprivate var tcp: UnsafeMutablePointer<uv_tcp_t> {
        memory.assumingMemoryBound(to: uv_tcp_t.self)
    }

    fileprivate var pipe: UnsafeMutablePointer<uv_pipe_t> {
        memory.assumingMemoryBound(to: uv_pipe_t.self)
    }

    func assertUsable() {
        assert(!header.isClosed, "stream used after close")
        assert(Loop.of(handle.pointee.loop).isCurrent, "stream used on another thread")
    }
}
