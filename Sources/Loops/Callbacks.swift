// The functions that libuv calls. Plain functions in a file of their own: a closure written where
// an actor reigns would be bound to it, and trap on a loop's thread.
//
// Each handle's `data` is its Swift owner, unretained or retained as the owner says; each loop's
// `data` is its `Loop`.

internal import CLibuv

func onAllocate(
    _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggested: Int,
    _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
    let memory = Loop.of(handle!.pointee.loop).readBuffer
    buffer!.pointee.base = memory.baseAddress!.assumingMemoryBound(to: CChar.self)
    buffer!.pointee.len = memory.count
}

func onRead(
    _ handle: UnsafeMutablePointer<uv_stream_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?
) {
    let stream = Stream.of(handle!)
    let events = Loop.of(handle!.pointee.loop).events
    if count > 0 {
        events?.received(
            stream.token, UnsafeMutableRawBufferPointer(start: buffer!.pointee.base, count: count))
    } else if count < 0, stream.noteEnd() {
        let code = Int32(truncatingIfNeeded: count)
        events?.ended(stream.token, error: code == UV_EOF.rawValue ? 0 : code)
    }
    // 0 says only that there was nothing to read after all.
}

func onWritten(_ request: UnsafeMutablePointer<uv_write_t>?, _ status: Int32) {
    let handle = request!.pointee.handle!
    let stream = Stream.of(handle)
    QueuedWrite.destroy(request!)
    guard !stream.isClosed else { return }
    stream.noteDrained()
    Loop.of(handle.pointee.loop).events?.drained(stream.token, error: status)
}

func onShutDown(_ request: UnsafeMutablePointer<uv_shutdown_t>?, _ status: Int32) {
    // Whether it worked does not matter: a stream that failed says so when it is read or written.
    request!.deallocate()
}

func onStreamClosed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
    // Takes back the reference that `Stream.make` gave libuv; the memory goes with the last one.
    Unmanaged<Stream>.fromOpaque(handle!.pointee.data).release()
}

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
    case UV_TCP, UV_NAMED_PIPE:
        handle!.withMemoryRebound(to: uv_stream_t.self, capacity: 1) { Stream.of($0).close() }
    case UV_SIGNAL:
        SignalWatcher.of(handle!).close()
    case UV_TIMER, UV_ASYNC:
        // The loop's own; it frees them when all is closed.
        uv_close(handle, nil)
    default:
        preconditionFailure("a handle that no owner made: \(handle!.pointee.type)")
    }
}
