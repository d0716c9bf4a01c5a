// One event loop: the handles that every loop has, and the order in which it lets go of them. What
// happens between two turns is the runner's business.

internal import CLibuv
internal import Glibc

/// A libuv loop with one timer, one wake-up and one read buffer. It belongs to the thread that made
/// or `adopt`ed it, and every call but `wakeUp` comes from there.
///
/// It must be closed before it is dropped.
package final class Loop {
    /// One read takes at most this much.
    package static let readBytesMax = 65_536
    /// How long accepting rests when the process lacks descriptors or memory, unless one of this
    /// loop's streams closes before.
    package static let acceptRetryMilliseconds: UInt64 = 100
    /// libuv's, which no stream has.
    static let uvToken: UInt64 = 0

    /// Wakes this loop from other threads.
    package let wakeUp: WakeUp
    /// Streams that this loop may have: its share of the process's descriptors. At the limit
    /// accepting pauses.
    package var streamsMax: Int {
        didSet { resumeAccepting() }
    }
    /// Streams that are open.
    package private(set) var streamCount = 0
    /// How often accepting paused because of `streamsMax`.
    package private(set) var pausesAtLimit: UInt64 = 0
    /// How often accepting paused because `accept` failed for want of descriptors or memory.
    package private(set) var pausesByError: UInt64 = 0

    let uv: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutableRawBufferPointer
    /// The epoll set that a turn waits for: the streams, and libuv's own set as one more.
    let set: Int32
    private let ready: UnsafeMutablePointer<epoll_event>
    private let eventsPerTurnMax: Int32
    /// libuv tells the kernel of a handle when it next runs, and one was started since.
    private var hasNewHandles = true
    /// Not owned: a runner owns both its loop and its handler. A handler that is gone traps here,
    /// in release builds too.
    private(set) unowned var events: (any LoopEvents)?

    private let timer: UnsafeMutablePointer<uv_timer_t>
    private let acceptRetry: UnsafeMutablePointer<uv_timer_t>
    private let async: UnsafeMutablePointer<uv_async_t>
    private var acceptors: [Acceptor] = []
    private var deadline: UInt64?
    private var isInTimer = false
    private var isTurning = false
    private(set) var isClosed = false
    private var owner = pthread_self()

    /// Makes a loop that belongs to the calling thread. The process ignores SIGPIPE from now on: a
    /// peer that is gone is an error code, not the end.
    ///
    /// - Parameter eventsPerTurnMax: streams that one turn may report ready. The others' turn comes
    ///   next: the kernel puts those it has reported behind them.
    /// - Throws: `loopNotMade`, for want of descriptors (it takes about seven) or memory. libuv
    ///   itself ends the process if it cannot make its one process-wide pipe along with the first
    ///   loop.
    package init(streamsMax: Int = .max, eventsPerTurnMax: Int = 1_024) throws(LoopError) {
        _ = signalIgnored
        let set = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard set >= 0 else { throw .loopNotMade(code: -errno) }
        let uv = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
        let async = UnsafeMutablePointer<uv_async_t>.allocate(capacity: 1)
        let code = Loop.initialize(uv, async, set)
        guard code == 0 else {
            Glibc.close(set)
            uv.deallocate()
            async.deallocate()
            throw .loopNotMade(code: code)
        }
        self.set = set
        self.eventsPerTurnMax = Int32(eventsPerTurnMax)
        ready = .allocate(capacity: eventsPerTurnMax)
        self.uv = uv
        self.async = async
        self.streamsMax = streamsMax
        wakeUp = WakeUp(async)
        readBuffer = .allocate(byteCount: Loop.readBytesMax, alignment: 64)
        timer = .allocate(capacity: 1)
        acceptRetry = .allocate(capacity: 1)
        uv_timer_init(uv, timer)
        uv_timer_init(uv, acceptRetry)
        // Unretained: the loop outlives its callbacks, since `close` runs them all.
        uv.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    /// - Returns: libuv's code; unless it is 0 nothing is left behind.
    private static func initialize(
        _ uv: UnsafeMutablePointer<uv_loop_t>, _ async: UnsafeMutablePointer<uv_async_t>,
        _ set: Int32
    ) -> Int32 {
        var code = uv_loop_init(uv)
        guard code == 0 else { return code }
        code = uv_async_init(uv, async, onWakeUp)
        if code == 0 {
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: uvToken))
            guard epoll_ctl(set, EPOLL_CTL_ADD, uv_backend_fd(uv), &event) != 0 else { return 0 }
            code = -errno
            async.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_close($0, nil) }
            uv_run(uv, UV_RUN_DEFAULT)
        }
        uv_loop_close(uv)
        return code
    }

    deinit {
        assert(isClosed, "loop dropped without close")
    }

    static func of(_ uv: UnsafeMutablePointer<uv_loop_t>) -> Loop {
        Unmanaged<Loop>.fromOpaque(uv.pointee.data).takeUnretainedValue()
    }

    /// True on the thread that this loop belongs to.
    package var isCurrent: Bool { pthread_equal(owner, pthread_self()) != 0 }

    /// Makes the calling thread the owner. For a loop that one thread made and another will turn.
    package func adopt() {
        owner = pthread_self()
    }

    /// Names the handler. It must live until `close`, and is not retained.
    package func setEvents(_ handler: any LoopEvents) {
        assert(isCurrent)
        events = handler
    }

    /// Milliseconds of the monotonic clock, as of the turn's start or `updateTime`.
    package var now: UInt64 { uv_now(uv) }

    package func updateTime() {
        assert(isCurrent)
        uv_update_time(uv)
    }

    /// Lets everything happen that is ready, one round.
    ///
    /// - Parameter block: waits until there is something, be it `WakeUp.send`.
    package func turn(block: Bool) {
        assert(isCurrent)
        precondition(!isTurning, "a turn within a turn")
        precondition(!isClosed, "turn of a closed loop")
        isTurning = true
        uv_update_time(uv)
        let waits = block && !hasNewHandles
        let count = epoll_wait(set, ready, eventsPerTurnMax, waits ? uv_backend_timeout(uv) : 0)
        uv_update_time(uv)
        let isForHandles = report(max(0, Int(count)))
        if isForHandles || hasNewHandles || uv_backend_timeout(uv) == 0 {
            hasNewHandles = false
            uv_run(uv, UV_RUN_NOWAIT)
        }
        isTurning = false
    }

    /// - Parameter count: entries of `ready`.
    /// - Returns: whether libuv has something to do.
    private func report(_ count: Int) -> Bool {
        guard count > 0, let events else { return count > 0 }
        var isForHandles = false
        // An error is for the next read or write to tell; the handler knows which that will be.
        let failed = EPOLLERR.rawValue | EPOLLHUP.rawValue
        for index in 0..<count {
            let (what, token) = (ready[index].events, ready[index].data.u64)
            if token == Loop.uvToken {
                isForHandles = true
                continue
            }
            if what & (EPOLLIN.rawValue | failed) != 0 { events.readable(token) }
            if what & (EPOLLOUT.rawValue | failed) != 0 { events.writable(token) }
        }
        return isForHandles
    }

    /// A handle that waits for a descriptor or a signal was started.
    func handleStarted() { hasNewHandles = true }

    /// Sets, moves or (nil) clears the loop's one deadline. It costs nothing to say it again.
    ///
    /// - Parameter deadline: on the clock of `now`. One in the past fires in the next turn.
    package func arm(timerAtMilliseconds deadline: UInt64?) {
        assert(isCurrent)
        precondition(!isClosed, "timer of a closed loop")
        guard deadline != self.deadline else { return }
        self.deadline = deadline
        guard let deadline else {
            uv_timer_stop(timer)
            return
        }
        // libuv runs a timer that is started with 0 from within its own callback in the same
        // round, and so on without end.
        let delayMin: UInt64 = isInTimer ? 1 : 0
        uv_timer_start(timer, onTimer, max(delayMin, deadline > now ? deadline - now : 0), 0)
    }

    /// Closes every handle of this loop, listeners too, without an event for any, and waits until
    /// libuv has let go of them. The handler has closed its streams. Outside of a turn; once.
    package func close() {
        assert(isCurrent)
        precondition(!isTurning, "loop closed from within a turn")
        precondition(!isClosed, "loop closed twice")
        precondition(streamCount == 0, "\(streamCount) streams outlive their loop")
        isClosed = true
        events = nil
        wakeUp.close()
        for acceptor in acceptors { acceptor.close() }
        acceptors.removeAll()
        uv_walk(uv, onWalkToClose, nil)
        let left = uv_run(uv, UV_RUN_DEFAULT)
        precondition(left == 0, "handles outlive their loop")
        let code = uv_loop_close(uv)
        precondition(code == 0, "loop not closed: \(describe(code: code))")
        Glibc.close(set)
        ready.deallocate()
        timer.deallocate()
        acceptRetry.deallocate()
        async.deallocate()
        readBuffer.deallocate()
        uv.deallocate()
    }
}

// MARK: - Accepting

extension Loop {
    /// Takes a listener over and accepts from it, beginning with the next turn.
    ///
    /// - Parameters:
    ///   - tag: comes back in the events about it. Several listeners may have one tag.
    ///   - unacknowledgedMillisecondsMax: ends a stream with an error when the peer's kernel has
    ///     left bytes unacknowledged, or had no room for any, for so long. Without it a peer that is
    ///     gone without a word keeps its stream until the kernel has tried again for a quarter of an
    ///     hour. 0 is the kernel's own time. Nothing for Unix sockets.
    package func listen(
        _ listener: Listener, tag: Int, unacknowledgedMillisecondsMax: UInt64 = 0
    ) throws(LoopError) {
        assert(isCurrent)
        precondition(!isClosed, "listener for a closed loop")
        acceptors.append(
            try Acceptor(
                listener, tag: tag, unacknowledgedMillisecondsMax: unacknowledgedMillisecondsMax,
                loop: self))
    }

    /// Closes all listeners with this tag. Streams that came from them go on.
    package func stopListening(tag: Int) {
        assert(isCurrent)
        for acceptor in acceptors where acceptor.tag == tag { acceptor.close() }
        acceptors.removeAll { $0.isClosed }
    }

    /// A connection was accepted: the descriptor becomes a stream.
    func adopt(_ descriptor: Int32, listener: Int) {
        guard let events else {
            Glibc.close(descriptor)
            return
        }
        streamCount += 1
        events.accepted(Stream(descriptor: descriptor), listener: listener)
    }

    func acceptingPaused(_ acceptor: Acceptor, error: Int32) {
        if error == 0 {
            pausesAtLimit += 1
        } else {
            pausesByError += 1
            // Other loops' streams may be the ones to close, and this loop does not hear of it.
            uv_timer_start(acceptRetry, onAcceptRetry, Loop.acceptRetryMilliseconds, 0)
        }
        events?.acceptPaused(listener: acceptor.tag, error: error)
    }

    /// A stream closed, the limit changed, or it is time to try again.
    func resumeAccepting() {
        guard streamCount < streamsMax, !isClosed else { return }
        guard acceptors.contains(where: \.isPaused) else { return }
        uv_timer_stop(acceptRetry)
        for acceptor in acceptors where acceptor.isPaused && !acceptor.isClosed {
            acceptor.resume()
            events?.acceptResumed(listener: acceptor.tag)
        }
    }

    /// Called as a stream closes, when its descriptor is free again.
    func streamClosed() {
        streamCount -= 1
        assert(streamCount >= 0, "\(streamCount) streams")
        resumeAccepting()
    }
}

// MARK: - What the callbacks report

extension Loop {
    func timerCame() {
        deadline = nil
        isInTimer = true
        events?.timerFired()
        isInTimer = false
    }

    func wakeUpCame() {
        wakeUp.acknowledge()
        events?.wokenUp()
    }
}

/// Evaluated once, at the first loop.
private let signalIgnored: Bool = {
    signal(SIGPIPE, SIG_IGN)
    return true
}()
