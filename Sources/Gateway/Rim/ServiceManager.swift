// Telling the service manager how the service is, and that its loops turn.

internal import Loops
internal import Ring
private import Glibc

/// The process as a service of systemd's or of one that speaks like it. Any thread.
final class ServiceManager: Sendable {
    private let sender: DatagramSender
    private let watchdogMilliseconds: Int?
    private let pipe: StopPipe
    /// Between two looks at the loops, milliseconds.
    private static let lookMillisecondsMax = 1_000
    /// For what follows the drain, milliseconds.
    private static let endMilliseconds = 10_000

    /// Nil when nobody wants to be told.
    init?(_ environment: ServiceEnvironment) {
        guard let target = environment.notifyTarget, let sender = DatagramSender(target: target),
            let pipe = try? StopPipe()
        else { return nil }
        self.sender = sender
        self.pipe = pipe
        watchdogMilliseconds = environment.watchdogMilliseconds
    }

    /// - Parameter isSuccessor: the service has been another process so far.
    func ready(_ addresses: [String], isSuccessor: Bool) {
        var lines = ["READY=1", "STATUS=Listening on " + addresses.joined(separator: ", ")]
        if isSuccessor { lines.append("MAINPID=\(getpid())") }
        sender.send(lines.joined(separator: "\n"))
    }

    /// The service ends, within the drain's time and a little.
    func stopping(drainMilliseconds: UInt64) {
        let microseconds = (Int(drainMilliseconds) + Self.endMilliseconds) * 1_000
        sender.send("STOPPING=1\nSTATUS=Draining\nEXTEND_TIMEOUT_USEC=\(microseconds)")
    }

    /// Starts the thread that looks at the loops until ``stop()``.
    func watch(_ control: Control, _ counters: Counters) throws(LoopError) -> LoopThread {
        try LoopThread.start(name: "carillon-watch") { [self] in look(control, counters) }
    }

    /// Nothing more is told.
    func stop() { pipe.stop() }

    private func look(_ control: Control, _ counters: Counters) {
        let due = watchdogMilliseconds.map { $0 / 2 }
        let step = max(1, min(due ?? .max, Self.lookMillisecondsMax))
        var watchdog = Watchdog(control.turnCounts())
        var waited = 0
        control.wakeAll()
        while case .timedOut = pipe.wait(milliseconds: step) {
            if control.isStopping {
                let left = counters.total(.connections)
                sender.send("STATUS=Draining: \(left) connections left")
            }
            waited += step
            guard let due, waited >= due else { continue }
            let stalled = watchdog.stalled(control.turnCounts())
            if stalled.isEmpty {
                sender.send("WATCHDOG=1")
            } else {
                let loops = stalled.map { "\($0)" }.joined(separator: ", ")
                complain("loop \(loops) has not turned for \(waited) ms; the watchdog is not fed")
            }
            waited = 0
            // A loop with nothing to do turns only if it is woken.
            control.wakeAll()
        }
    }
}

/// Which loops have turned since they were last asked to.
struct Watchdog {
    private var seen: [UInt64]

    /// - Parameter counts: by loop, how often it has turned.
    init(_ counts: [UInt64]) { seen = counts }

    /// The loops that have not turned since the last call.
    mutating func stalled(_ counts: [UInt64]) -> [Int] {
        let stalled = counts.indices.filter { counts[$0] == seen[$0] }
        seen = counts
        return stalled
    }
}

/// A line on standard error about something that the process goes on without.
func complain(_ sentence: String) {
    let line = Array("carillon: \(sentence)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}
