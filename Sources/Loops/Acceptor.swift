// A listening socket at work on a loop: it accepts, and knows when not to.
//
// This is `uv_poll` and `accept4` rather than `uv_listen`, for two of its habits. At EMFILE libuv
// closes a spare descriptor, accepts every waiting client and hangs up on it; and when another
// thread snatches the spare, or the error is ENOMEM or ENOBUFS, it calls back and accepts again
// without end, within one turn. Here clients wait in the backlog, and nothing runs.

internal import CLibuv
internal import Glibc

/// One listening socket of one loop. Loop's thread only. Alive until its handle's close callback.
final class Acceptor {
    /// Connections taken from one listener in one turn, so that a flood of them does not starve
    /// those already there. The rest is reported again in the next turn.
    static let acceptedPerTurnMax = 64

    let tag: Int
    private(set) var isPaused = false
    private(set) var isClosed = false
    private let isUnix: Bool
    private let descriptor: Int32
    private let file: SocketFile?
    private let unacknowledgedMillisecondsMax: UInt64
    /// Connections may wait that came before the listener had its options.
    private var mayHoldEarlier = true
    private let handle: UnsafeMutablePointer<uv_poll_t>
    private unowned let loop: Loop

    /// Takes over the listener's socket and begins to accept.
    init(
        _ listener: Listener, tag: Int, unacknowledgedMillisecondsMax: UInt64, loop: Loop
    ) throws(LoopError) {
        self.tag = tag
        self.unacknowledgedMillisecondsMax = unacknowledgedMillisecondsMax
        self.loop = loop
        isUnix = listener.isUnix
        file = listener.file
        descriptor = listener.take()
        handle = .allocate(capacity: 1)
        guard descriptor >= 0 else {
            isClosed = true
            handle.deallocate()
            throw .listenerTaken(address: "\(listener.address)")
        }
        setOptions(descriptor)
        let code = uv_poll_init(loop.uv, handle, descriptor)
        guard code == 0 else {
            isClosed = true
            Glibc.close(descriptor)
            handle.deallocate()
            throw .listenRefused(address: "\(listener.address)", code: code)
        }
        // Taken back in `onAcceptorClosed`.
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        start()
    }

    private func start() {
        uv_poll_start(handle, Int32(UV_READABLE.rawValue), onConnection)
        loop.handleStarted()
    }

    deinit {
        assert(isClosed, "acceptor dropped without close")
    }

    static func of(_ handle: UnsafeMutableRawPointer) -> Acceptor {
        let data = handle.assumingMemoryBound(to: uv_handle_t.self).pointee.data!
        return Unmanaged<Acceptor>.fromOpaque(data).takeUnretainedValue()
    }

    /// Connections wait. Called from within a turn.
    func acceptWaiting() {
        for _ in 0..<Acceptor.acceptedPerTurnMax {
            // The handler of the connection before may have closed or paused this.
            guard !isClosed, !isPaused else { return }
            guard loop.streamCount < loop.streamsMax else { return pause(error: 0) }
            let accepted = clibuv_accept(descriptor)
            guard accepted >= 0 else {
                let code = errno
                if code == EAGAIN {
                    mayHoldEarlier = false
                    return
                }
                if Acceptor.isAboutOneConnection(code) { continue }
                return pause(error: -code)
            }
            if mayHoldEarlier { setOptions(accepted) }
            loop.adopt(accepted, listener: tag)
        }
    }

    /// Sets what every connection is to have. Linux hands a listener's options down to those that come
    /// from then on, which saves two system calls for each.
    private func setOptions(_ descriptor: Int32) {
        guard !isUnix else { return }
        let size = socklen_t(MemoryLayout<Int32>.size)
        // A turn writes once per connection, so Nagle's algorithm could only delay.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        var most = Int32(clamping: unacknowledgedMillisecondsMax)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &most, size)
    }

    /// A connection that failed while it waited; the next may be sound. accept(2) hands out its
    /// network error: "treat like EAGAIN by retrying".
    private static func isAboutOneConnection(_ code: Int32) -> Bool {
        switch code {
        case EINTR, ECONNABORTED, EPERM, EPROTO, ENOPROTOOPT, ENETDOWN, ENETUNREACH, EHOSTDOWN,
            EHOSTUNREACH, ENONET, EOPNOTSUPP:
            true
        default:
            false
        }
    }

    /// Stops asking the kernel for connections. They wait in the backlog.
    private func pause(error: Int32) {
        isPaused = true
        uv_poll_stop(handle)
        loop.acceptingPaused(self, error: error)
    }

    func resume() {
        guard !isClosed, isPaused else { return }
        isPaused = false
        start()
    }

    /// Refuses connections from now on, those in the backlog too.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) {
            onAcceptorClosed($0)
        }
        // libuv allows this at once after `uv_close`: nothing polls it any more.
        Glibc.close(descriptor)
    }

    /// Gives the handle's memory back. Close callback only.
    func free() {
        assert(isClosed)
        handle.deallocate()
    }
}
