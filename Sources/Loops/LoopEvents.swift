// What a loop tells its one handler. Events carry a stream's token, not the stream: the handler has
// its own table, and a loop knows its streams only by number.

/// The handler of everything that happens on one loop. Called on the loop's thread only, and only
/// within `Loop.turn`. A handler may read, write to, watch and close any stream of the loop from
/// within an event; it may not turn or close the loop.
package protocol LoopEvents: AnyObject {
    /// A connection came in. The handler keeps the stream and watches it (`Loop.watch`), or closes
    /// it.
    ///
    /// - Parameter listener: the tag that was given to `Loop.listen`.
    func accepted(_ stream: Stream, listener: Int)

    /// A stream has bytes to read, or its end, or an error.
    ///
    /// With an error both this and `writable` come, whatever the stream is watched for. Either may
    /// come late, for a stream that was closed or watched for something else earlier in the turn:
    /// the handler knows by the token, which it gives to no other stream.
    func readable(_ token: UInt64)

    /// The kernel has room for bytes of a stream, or it has an error.
    func writable(_ token: UInt64)

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
