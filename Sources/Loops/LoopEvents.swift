// What a loop tells its one handler. Events carry a stream's token, not the stream: the handler has
// its own table and needs no look-up here.

/// The handler of everything that happens on one loop. Called on the loop's thread only, and only
/// within `Loop.turn`. A handler may write to, queue on, stop and close any stream of the loop from
/// within an event; it may not turn or close the loop.
package protocol LoopEvents: AnyObject {
    /// A connection came in. The handler sets `stream.token`, keeps the stream and starts reading;
    /// or it closes the stream.
    ///
    /// - Parameter listener: the tag that was given to `Loop.listen`.
    func accepted(_ stream: Stream, listener: Int)

    /// Bytes came in.
    ///
    /// - Parameter bytes: 1…65536 bytes in the loop's one read buffer; the handler may change them
    ///   in place, and may not keep them: the next event overwrites them.
    func received(_ token: UInt64, _ bytes: UnsafeMutableRawBufferPointer)

    /// Nothing more will come in. Called at most once for a stream, which stays open for writing
    /// until the handler closes it.
    ///
    /// - Parameter error: 0 after the peer's orderly end, else a negative `errno`.
    func ended(_ token: UInt64, error: Int32)

    /// The stream's queued write left for the kernel, or failed; its owner is released. Never
    /// called from within `Stream.queue`, nor for a stream that was closed meanwhile.
    ///
    /// - Parameter error: 0, or a negative `errno`; then the handler closes the stream.
    func drained(_ token: UInt64, error: Int32)

    /// The deadline given to `Loop.arm` has passed. The timer is disarmed.
    func timerFired()

    /// Someone called `WakeUp.send` since the last time; any number of calls make one event.
    func wokenUp()

    /// A signal that a `SignalWatcher` on this loop watches.
    func signal(_ number: Int32)

    /// A listener stopped accepting; its clients wait in the kernel's backlog.
    ///
    /// - Parameter error: 0 when the loop has `streamsMax` streams, else why `accept` failed.
    func acceptPaused(listener: Int, error: Int32)

    /// The listener accepts again.
    func acceptResumed(listener: Int)
}

extension LoopEvents {
    package func signal(_ number: Int32) {}
    package func acceptPaused(listener: Int, error: Int32) {}
    package func acceptResumed(listener: Int) {}
}
