// One measurement of messages from its plan to its figures.

import Glibc
import Histogram
import Synchronization

enum Measurement {
    /// Opens, warms up, measures, drains. Ends within the plan's times and a few seconds.
    static func run(_ plan: Plan, named name: String, load: String) throws(Failure) -> Report {
        let shared = Shared(threads: plan.threads)
        var conductor = Conductor(plan: plan)
        let others = try (1..<plan.threads).map { thread throws(Failure) in
            try Follower(plan, shared, thread)
        }
        do throws(Failure) {
            var worker = try Worker(plan: plan, shared: shared, thread: 0)
            try worker.lead(&conductor)
        } catch {
            stop(shared, error)
        }
        for other in others { other.join() }
        guard let begin = conductor.begin, let end = conductor.end else {
            throw Failure(shared.failure.withLock { $0 } ?? "the measurement did not finish")
        }
        var tally = Tally()
        var latency = Histogram<UInt32>(highestTrackableValue: Receipt.latencyMax)
        for board in shared.boards {
            guard let outcome = board.outcome.withLock({ $0 }) else { continue }
            tally = tally + outcome.tally
            latency.add(outcome.latency)
        }
        var report = Report(measurement: name, target: plan.target, load: load)
        report.tally = tally
        report.note = note(shared, conductor)
        report.addDeliveries(from: begin, to: end, of: plan)
        report.addLatency(latency)
        return report
    }

    static func stop(_ shared: Shared, _ failure: Failure) {
        shared.note(failure: failure.description)
        shared.phase = .stopped
    }

    private static func note(_ shared: Shared, _ conductor: Conductor) -> String? {
        if conductor.didStall { return "stalled: a message did not reach all subscribers" }
        return shared.failure.withLock { $0 }
    }
}

/// A thread that follows thread 0; a class, so that an array can hold it.
private final class Follower {
    private var thread: JoinableThread?

    init(_ plan: Plan, _ shared: Shared, _ number: Int) throws(Failure) {
        thread = try JoinableThread {
            do throws(Failure) {
                var worker = try Worker(plan: plan, shared: shared, thread: number)
                try worker.follow()
            } catch {
                Measurement.stop(shared, error)
            }
        }
    }

    func join() { thread.take()?.join() }
}
