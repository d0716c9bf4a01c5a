// Waiting for the signals that end the process.

private import Glibc

enum Signals {
    /// Blocks SIGTERM and SIGINT for this thread and those it starts, so that only ``wait()`` takes
    /// them.
    static func block() {
        var set = ended()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for SIGTERM or SIGINT.
    static func wait() {
        var set = ended()
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
    }

    /// From now on these signals end the process at once.
    static func endOnNext() {
        var set = ended()
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
    }

    private static func ended() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }
}
