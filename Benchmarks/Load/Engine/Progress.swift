// A line a second on standard error, for whoever waits.

import Harness
import Glibc

struct Progress {
    private let isOn: Bool
    private var next: UInt64 = 0
    private var last: (delivered: UInt64, at: UInt64) = (0, 0)

    init(isOn: Bool) { self.isOn = isOn }

    /// Whether somebody watches.
    static var isWatched: Bool { isatty(STDERR_FILENO) == 1 }

    /// - Parameter connections: how many there will be.
    mutating func show(now: UInt64, _ shared: Shared, of connections: Int) {
        guard isOn, now >= next else { return }
        next = now + 1_000_000_000
        let delivered = shared.delivered
        let rate = Double(delivered - last.delivered) / (Double(now - last.at) / 1e9)
        last = (delivered, now)
        say(
            "\(shared.phase): \(shared.opened) of \(connections) open, \(shared.failed) failed,"
                + " \(rounded(rate)) deliveries a second")
    }

    /// The same, for what has no messages.
    mutating func show(now: UInt64, _ words: @autoclosure () -> String) {
        guard isOn, now >= next else { return }
        next = now + 1_000_000_000
        say(words())
    }

    private func say(_ words: String) {
        let line = Array((words + "\n").utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
