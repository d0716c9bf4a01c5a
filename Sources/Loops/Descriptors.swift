// The process's limit on open descriptors. How they are shared out among loops is the gateway's
// business (`Loop.streamsMax`).

internal import CLibuv
internal import Glibc

package enum Descriptors {
    /// Raises the soft limit to the hard one, which needs no privilege. Any thread; once, at start.
    ///
    /// - Returns: both limits as they are now; `Int.max` stands for "none".
    @discardableResult
    package static func raiseLimit() -> (soft: Int, hard: Int) {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else {
            return (0, 0)
        }
        if limits.rlim_cur < limits.rlim_max {
            let before = limits.rlim_cur
            limits.rlim_cur = limits.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) != 0 {
                limits.rlim_cur = before
            }
        }
        return (Int(clamping: limits.rlim_cur), Int(clamping: limits.rlim_max))
    }
}
