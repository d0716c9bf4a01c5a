// Waiting for the signals that end the process.

private import Glibc

enum Signals {
    /// Blocks SIGTERM and SIGINT for this thread and those it starts, so that only ``wait()`` takes
    /// them.
    static func block() {
        var set = awaited()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for SIGTERM, SIGINT or ``wake()``.
    static func wait() {
        var set = awaited()
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
    }

    /// Makes ``wait()`` return. Any thread; also if nobody waits.
    static func wake() { kill(getpid(), wakeUp) }

    /// From now on these signals end the process at once.
    static func endOnNext() {
        var set = ended()
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
    }

    /// Nothing else sends it to this process, and one that nobody takes does no harm.
    private static let wakeUp = SIGURG

    private static func awaited() -> sigset_t {
        var set = ended()
        sigaddset(&set, wakeUp)
        return set
    }

    private static func ended() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }
}
