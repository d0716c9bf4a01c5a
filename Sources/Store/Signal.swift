// What the store's threads wait on.

private import Glibc

/// Milliseconds of the clock that only runs forward.
package func monotonicMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}

/// Milliseconds since 1970.
package func unixMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}

/// Wakes the thread that reads the ring, as a loop's wake-up does for a loop. A ring before the wait
/// is kept.
final class Bell: Sendable {
    // Never moved; sem_t's functions are made for any thread.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    /// Nobody waits on it any more: whoever rings it holds it.
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Any thread.
    func ring() { sem_post(semaphore) }

    /// One thread.
    func wait() {
        while sem_wait(semaphore) != 0 {}
    }
}

/// A lock and a condition: POSIX's own, since Swift's mutex has nothing to wait on, and
/// ThreadSanitizer sees into these.
final class Monitor: Sendable {
    // Both are never moved, and made for any thread.
    private nonisolated(unsafe) let lock: UnsafeMutablePointer<pthread_mutex_t>
    private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        lock = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Waits are measured by the clock that nobody sets.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    /// Nobody waits or holds it any more.
    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }

    /// Locked only.
    func signal() { pthread_cond_signal(condition) }

    /// Locked only; unlocked while it waits. May return for no reason.
    ///
    /// - Parameter milliseconds: of the monotonic clock.
    func wait(until milliseconds: UInt64) {
        guard milliseconds < UInt64(Int64.max) / 1_000_000 else {
            pthread_cond_wait(condition, lock)
            return
        }
        var until = timespec(
            tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
        pthread_cond_timedwait(condition, lock, &until)
    }
}
