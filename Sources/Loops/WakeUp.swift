// The one thing of a loop that other threads may touch: they make its `turn` return.

internal import CLibuv
internal import Synchronization

/// Wakes one loop. Any thread; also while the loop closes and after it has closed.
package final class WakeUp: Sendable {
    /// Unchecked because `uv_async_send`, the one call made on it here, is libuv's one call that is
    /// safe from any thread.
    private struct Target: @unchecked Sendable {
        let handle: UnsafeMutablePointer<uv_async_t>
    }

    /// Read and cleared under the mutex, so that no send is under way, or begins, once `close` has
    /// returned.
    private let target: Mutex<Target?>
    /// True from a send until the loop's thread notices it. It spares the mutex and the system
    /// call to all senders but the first.
    private let isSignalled = Atomic(false)

    init(_ handle: UnsafeMutablePointer<uv_async_t>) {
        target = Mutex(Target(handle: handle))
    }

    /// Makes the loop's present or next `turn` report `LoopEvents.wokenUp`. What the caller wrote
    /// before is visible to that event.
    package func send() {
        // Releases the caller's writes to `acknowledge`. Whoever finds `true` may leave: the
        // acknowledgement is still to come, and will read this exchange or a later one.
        guard !isSignalled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        target.withLock { target in
            if let target { uv_async_send(target.handle) }
        }
    }

    /// Loop's thread, before its handler looks at what was published. Pairs with `send`.
    func acknowledge() {
        _ = isSignalled.exchange(false, ordering: .acquiringAndReleasing)
    }

    /// Loop's thread, before the handle is closed.
    func close() {
        target.withLock { $0 = nil }
    }
}
