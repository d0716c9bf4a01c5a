// Writes what waits, many messages in one transaction, and tells the loops how far it has come.

package import Ring

/// One thread, that of ``run()``; tests may take single ``turn(_:)``s instead.
package final class LogWriter {
    /// What time it is, milliseconds.
    package struct Now {
        package var monotonic: UInt64
        package var unix: UInt64

        package init(monotonic: UInt64, unix: UInt64) {
            self.monotonic = monotonic
            self.unix = unix
        }
    }

    private let history: HistoryDatabase
    private let pending: PendingLog
    private let progress: DurableProgress
    private let bell: LogBell
    private let limits: StoreLimits
    private let wakeLoops: @Sendable () -> Void
    private let report: @Sendable (String) -> Void

    private var lost: [ChannelName: (namespace: UInt8, sequence: UInt64)] = [:]
    private var isFailing = false
    private var retryDue: UInt64 = 0
    private var retryDelay: UInt64 = 0
    private var sweepDue: UInt64
    /// Transactions that are on the disk.
    package private(set) var commits = 0

    /// - Parameters:
    ///   - wakeLoops: wakes the loops that sleep, for the answers that they hold back.
    ///   - report: takes a sentence for the operator.
    package init(
        history: HistoryDatabase, pending: PendingLog, progress: DurableProgress, bell: LogBell,
        limits: StoreLimits, now: UInt64 = monotonicMilliseconds(),
        wakeLoops: @escaping @Sendable () -> Void, report: @escaping @Sendable (String) -> Void
    ) {
        self.history = history
        self.pending = pending
        self.progress = progress
        self.bell = bell
        self.limits = limits
        sweepDue = now + limits.sweepMilliseconds
        self.wakeLoops = wakeLoops
        self.report = report
    }

    /// Writes until the reader has ended and all is on the disk.
    package func run() {
        repeat {
            pending.wait(until: nextDeadline)
        } while !turn(Now(monotonic: monotonicMilliseconds(), unix: unixMilliseconds()))
    }

    /// Monotonic milliseconds at which a turn is due even if nothing comes.
    package var nextDeadline: UInt64 { isFailing ? retryDue : sweepDue }

    /// Takes all that waits and writes it, or gives it up.
    ///
    /// - Returns: whether it was the last.
    package func turn(_ now: Now) -> Bool {
        let taken = pending.take()
        // What is given up is given up at once, so that publishers have their answer: they are the
        // ones who can try again.
        guard !isFailing || now.monotonic >= retryDue || taken.isLast else {
            giveUp(taken)
            return false
        }
        let changes = changes(for: taken, now)
        guard isFailing || !changes.isEmpty else {
            progress.settle(through: taken.through)
            return false
        }
        do {
            let outcome = try history.write(changes, nowUnixMilliseconds: now.unix)
            succeeded(taken, changes, outcome, now)
        } catch {
            failed(taken, error, now)
        }
        return taken.isLast
    }

    private func changes(for taken: PendingLog.Taken, _ now: Now) -> StoreChanges {
        var changes = StoreChanges()
        changes.messages = taken.messages
        changes.lost = lost
        changes.sweeps = now.monotonic >= sweepDue || isFailing
        if taken.isLast {
            // Exactly what was given: nothing of the reservation is left out.
            changes.isLast = true
            changes.mark = taken.through
        } else if pending.wantsMark(taken.through, history.mark) {
            changes.mark = taken.through + limits.reservedSequences
        }
        return changes
    }

    private func succeeded(
        _ taken: PendingLog.Taken, _ changes: StoreChanges, _ outcome: StoreOutcome, _ now: Now
    ) {
        commits += 1
        lost.removeAll()
        if changes.sweeps {
            sweepDue =
                outcome.hasMoreToSweep ? now.monotonic : now.monotonic + limits.sweepMilliseconds
        }
        for sequence in outcome.refused { progress.fail(sequence...sequence) }
        settle(taken)
        if let mark = changes.mark, !changes.isLast {
            pending.setMark(mark)
            // It may have come to a halt before the old one.
            bell.ring()
        }
        guard isFailing else { return }
        isFailing = false
        retryDelay = 0
        pending.setFailing(false)
        report("the durable history \(history.path) is written again")
    }

    private func failed(_ taken: PendingLog.Taken, _ error: SQLiteError, _ now: Now) {
        retryDelay =
            isFailing
            ? min(retryDelay * 2, limits.retryMillisecondsMax) : limits.retryMilliseconds
        retryDue = now.monotonic + retryDelay
        if !isFailing {
            isFailing = true
            // First, so that who is told of a failure and tries again is refused.
            pending.setFailing(true)
            report(
                "the durable history \(history.path) can't be written: \(error); durable messages "
                    + "are refused until it can")
        }
        giveUp(taken)
    }

    /// These messages have no place in the file. Their channels remember that, here until the disk
    /// works again and then in the file: one entry a channel of what was on its way when it failed.
    private func giveUp(_ taken: PendingLog.Taken) {
        for stored in taken.messages {
            lost[stored.message.channel] = (stored.message.namespace, stored.sequence)
        }
        if let first = taken.messages.first, let last = taken.messages.last {
            progress.fail(first.sequence...last.sequence)
        }
        settle(taken)
    }

    private func settle(_ taken: PendingLog.Taken) {
        progress.settle(through: taken.through)
        pending.release(bytes: taken.bytes)
        if taken.isUrgent { wakeLoops() }
    }
}
