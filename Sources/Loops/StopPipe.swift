// Threads that wait on descriptors without a loop, and how they are told to stop.

internal import CLibuv
internal import Glibc

/// Ends the waiting of one or more threads. Any thread.
package final class StopPipe: Sendable {
    package enum Outcome: Sendable {
        case ready
        case timedOut
        /// ``stop()`` was called. It stays so.
        case stopped
    }

    private let reading: OwnedDescriptor
    private let writing: OwnedDescriptor

    package init() throws(LoopError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .pipeNotMade(code: -errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = OwnedDescriptor(ends[0])
        writing = OwnedDescriptor(ends[1])
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    }

    /// Any number of times.
    package func stop() {
        var byte: UInt8 = 0
        // The byte is never read, so the pipe stays readable; that it may be full does not matter.
        _ = write(writing.number, &byte, 1)
    }

    /// Waits for time to pass.
    ///
    /// - Returns: `timedOut` or `stopped`.
    package func wait(milliseconds: Int) -> Outcome {
        wait(for: -1, milliseconds: milliseconds)
    }

    /// Waits until something can be read from a descriptor, or (`writable`) written to it, or it is
    /// of no more use; for ever with nil.
    func wait(
        for descriptor: Int32, writable: Bool = false, milliseconds: Int?
    ) -> Outcome {
        let deadline = milliseconds.map { monotonic() + $0 }
        while true {
            var entries = [
                pollfd(fd: reading.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: descriptor, events: Int16(writable ? POLLOUT : POLLIN), revents: 0),
            ]
            let left = deadline.map { Int32(clamping: max(0, $0 - monotonic())) }
            let count = poll(&entries, 2, left ?? -1)
            if entries[0].revents != 0 { return .stopped }
            if entries[1].revents != 0 { return .ready }
            if count == 0, left != nil { return .timedOut }
        }
    }

    private func monotonic() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}
