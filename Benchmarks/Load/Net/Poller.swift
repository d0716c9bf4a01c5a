// Owns one epoll descriptor and one eventfd, by which another thread may wake its owner.

import CLinux
import Glibc

struct Poller: ~Copyable {
    /// The token under which a wake-up shows; the poller takes it itself.
    private static let wakeToken = UInt64.max
    /// So few that whoever paces a run gets a turn every fraction of a millisecond.
    static let eventsMax = 128

    private let epoll: Int32
    private let wake: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    /// - Parameter wake: an eventfd, owned by the caller.
    init(wake: Int32) throws(Failure) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        self.wake = wake
        events = .allocate(capacity: Self.eventsMax)
        guard epoll >= 0 else { throw Failure("epoll_create1: \(errorText())") }
        try add(wake, token: Self.wakeToken, writing: false)
    }

    deinit {
        close(epoll)
        events.deallocate()
    }

    func add(_ socket: Int32, token: UInt64, writing: Bool) throws(Failure) {
        try control(EPOLL_CTL_ADD, socket, token, writing)
    }

    func change(_ socket: Int32, token: UInt64, writing: Bool) throws(Failure) {
        try control(EPOLL_CTL_MOD, socket, token, writing)
    }

    /// Waits for at most `nanoseconds`; the events are then read by `token(at:)`. Level-triggered.
    ///
    /// - Returns: how many events there are, the poller's own wake-up among them.
    func wait(nanoseconds: UInt64) -> Int {
        var limit = timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        return max(0, Int(epoll_pwait2(epoll, events, Int32(Self.eventsMax), &limit, nil)))
    }

    /// The token of event `index`, or nil for a wake-up, which this takes.
    func token(at index: Int) -> UInt64? {
        let token = events[index].data.u64
        guard token == Self.wakeToken else { return token }
        var count: UInt64 = 0
        _ = read(wake, &count, 8)
        return nil
    }

    private func control(
        _ operation: Int32, _ socket: Int32, _ token: UInt64, _ writing: Bool
    ) throws(Failure) {
        let mask = EPOLLIN.rawValue | (writing ? EPOLLOUT.rawValue : 0)
        var event = epoll_event(events: mask, data: epoll_data_t(u64: token))
        guard epoll_ctl(epoll, operation, socket, &event) == 0 else {
            throw Failure("epoll_ctl: \(errorText())")
        }
    }
}

/// An eventfd that does not block. Any thread may write to it.
func makeWakeDescriptor() -> Int32 {
    eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
}

func errorText() -> String { String(cString: strerror(errno)) }
