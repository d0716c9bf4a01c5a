// One look at everything that is counted: taken at the begin and end of a measurement, the two are
// then subtracted.

import Glibc
import Synchronization

struct Reading {
    var time: UInt64
    var delivered: UInt64
    var published: UInt64
    var server: ProcessUsage
    /// The generator, all its processes: user and system microseconds.
    var ownUser: Double
    var ownSystem: Double

    /// - Parameter siblings: the generator's other processes.
    static func take(_ processes: [Int32], _ siblings: [Int32], _ shared: Shared) -> Reading {
        let others = ProcessUsage.of(siblings)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Reading(
            time: Clock.now(), delivered: shared.delivered, published: shared.published,
            server: ProcessUsage.of(processes), ownUser: microseconds(usage.ru_utime) + others.user,
            ownSystem: microseconds(usage.ru_stime) + others.system)
    }

    private static func microseconds(_ time: timeval) -> Double {
        Double(time.tv_sec) * 1e6 + Double(time.tv_usec)
    }
}
