// Streams on a loop: watching, reading and closing them.
//
// They have no libuv handle each, which would take 248 bytes, an ioctl as it opens and an epoll_ctl
// as it closes. They are in the loop's own epoll set, and libuv's set is in that one too: the other
// way round the kernel would take a lock of the whole system for each stream (epnested_mutex).

internal import CLibuv
internal import Glibc

/// What a read brought.
package enum Incoming {
    /// 1…65536 bytes in the loop's one read buffer. The handler may change them in place, and may
    /// not keep them: the next read overwrites them.
    case bytes(UnsafeMutableRawBufferPointer)
    /// There is nothing now.
    case nothing
    /// The peer has ended its half.
    case end
    /// The stream has failed: a negative `errno`.
    case failure(Int32)
}

extension Loop {
    /// Watches a stream for something else than before: one system call, or none if it is the same.
    ///
    /// What it is watched for is reported turn after turn until it is no longer so. An error, and
    /// the end of both halves, are reported likewise whatever it is watched for, but not if it is
    /// watched for nothing: a handler that lets an event be had better do that.
    ///
    /// - Parameters:
    ///   - token: the handler's own name for the stream, not 0, which comes back in its events.
    ///   - old: what it was watched for until now; nothing, for one that was just accepted.
    /// - Returns: false when the kernel refuses: for want of memory, or by its `max_user_watches`.
    package func watch(
        _ stream: Stream, token: UInt64, for new: Readiness, insteadOf old: Readiness
    ) -> Bool {
        assert(isCurrent)
        guard new != old else { return true }
        let operation = new.isEmpty ? EPOLL_CTL_DEL : old.isEmpty ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        var mask: UInt32 = 0
        if new.contains(.reading) { mask |= EPOLLIN.rawValue }
        if new.contains(.writing) { mask |= EPOLLOUT.rawValue }
        var event = epoll_event(events: mask, data: epoll_data_t(u64: token))
        return epoll_ctl(set, operation, stream.descriptor, &event) == 0
    }

    /// Reads what has come, 64 KiB at most.
    package func read(_ stream: Stream) -> Incoming {
        assert(isCurrent)
        while true {
            let count = recv(stream.descriptor, readBuffer.baseAddress, readBuffer.count, 0)
            if count > 0 {
                return .bytes(UnsafeMutableRawBufferPointer(rebasing: readBuffer[..<count]))
            }
            guard count < 0 else { return .end }
            let code = errno
            if code == EAGAIN { return .nothing }
            if code != EINTR { return .failure(-code) }
        }
    }

    /// Closes, exactly once. An event of this turn may still come for it: its token is nobody's then.
    ///
    /// Bytes that the kernel took already are still sent, unless bytes of the peer lie unread (then
    /// the kernel resets) or `reset` is set.
    ///
    /// - Parameter reset: drops what the kernel has, and resets the connection (TCP only).
    package func close(_ stream: Stream, reset: Bool = false) {
        assert(isCurrent)
        if reset {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                stream.descriptor, SOL_SOCKET, SO_LINGER, &linger,
                socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        // With its last descriptor a socket leaves the set by itself. A child process has one too,
        // but only until it executes its program; until then events may come for nobody's token.
        let code = Glibc.close(stream.descriptor)
        precondition(code == 0 || errno != EBADF, "stream closed twice")
        streamClosed()
    }
}
