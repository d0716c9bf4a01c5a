// The functions that libuv calls. Plain functions in a file of their own: a closure written where
// an actor reigns would be bound to it, and trap on a loop's thread.
//
// Each handle's `data` is its Swift owner, unretained or retained as the owner says; each loop's
// `data` is its `Loop`.

internal import CLibuv

func onConnection(_ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32) {
    // A bad status is the socket's own; `accept4` will say which, and pause.
    Acceptor.of(UnsafeMutableRawPointer(handle!)).acceptWaiting()
}

func onAcceptorClosed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
    let acceptor = Unmanaged<Acceptor>.fromOpaque(handle!.pointee.data).takeRetainedValue()
    acceptor.free()
}

func onSignal(_ handle: UnsafeMutablePointer<uv_signal_t>?, _ number: Int32) {
    Loop.of(handle!.pointee.loop).events?.signal(number)
}

func onSignalClosed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
    let watcher = Unmanaged<SignalWatcher>.fromOpaque(handle!.pointee.data).takeRetainedValue()
    watcher.free()
}

func onTimer(_ handle: UnsafeMutablePointer<uv_timer_t>?) {
    Loop.of(handle!.pointee.loop).timerCame()
}

func onAcceptRetry(_ handle: UnsafeMutablePointer<uv_timer_t>?) {
    Loop.of(handle!.pointee.loop).resumeAccepting()
}

func onWakeUp(_ handle: UnsafeMutablePointer<uv_async_t>?) {
    Loop.of(handle!.pointee.loop).wakeUpCame()
}

/// Closes whatever a loop still has when it closes itself.
func onWalkToClose(
    _ handle: UnsafeMutablePointer<uv_handle_t>?, _ context: UnsafeMutableRawPointer?
) {
    guard uv_is_closing(handle) == 0 else { return }
    switch handle!.pointee.type {
    case UV_SIGNAL:
        SignalWatcher.of(handle!).close()
    case UV_TIMER, UV_ASYNC:
        // The loop's own; it frees them when all is closed.
        uv_close(handle, nil)
    default:
        preconditionFailure("a handle that no owner made: \(handle!.pointee.type)")
    }
}
