// Process signals as events. A signal is watched on one loop, and libuv's handler replaces the
// process's own for as long.

internal import CLibuv

/// Reports one signal as `LoopEvents.signal`. Loop's thread only. Closed by its loop if not before.
package final class SignalWatcher {
    package let number: Int32
    private let handle: UnsafeMutablePointer<uv_signal_t>
    private var isClosed = false

    /// - Parameter number: such as SIGTERM.
    @discardableResult
    package init(_ loop: Loop, number: Int32) throws(LoopError) {
        assert(loop.isCurrent)
        precondition(!loop.isClosed, "signal for a closed loop")
        self.number = number
        handle = .allocate(capacity: 1)
        var code = uv_signal_init(loop.uv, handle)
        guard code == 0 else {
            isClosed = true
            handle.deallocate()
            throw .signalNotWatched(number: number, code: code)
        }
        // Taken back in `onSignalClosed`.
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
        code = uv_signal_start(handle, onSignal, number)
        guard code == 0 else {
            close()
            throw .signalNotWatched(number: number, code: code)
        }
        loop.handleStarted()
    }

    static func of(_ handle: UnsafeMutablePointer<uv_handle_t>) -> SignalWatcher {
        Unmanaged<SignalWatcher>.fromOpaque(handle.pointee.data).takeUnretainedValue()
    }

    /// Stops watching; the signal does again what it did before.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        uv_close(
            UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self),
            onSignalClosed)
    }

    /// Gives the handle's memory back. Close callback only.
    func free() {
        assert(isClosed)
        handle.deallocate()
    }
}
