// One measurement of messages from its plan to its figures.

import Glibc
import Synchronization

enum Measurement {
    /// Opens, warms up, measures, drains. Ends within the plan's times and a few seconds.
    static func run(_ plan: Plan, named name: String, load: String) throws(Failure) -> Report {
        let shared = try Shared(workers: plan.workers, timesKept: plan.timesKept)
        var siblings = try Siblings(plan.processes - 1) { process in
            let workers = process * plan.threads..<(process + 1) * plan.threads
            return follow(plan, shared, workers).encoded()
        }
        var conductor = Conductor(plan: plan, siblings: siblings.ids)
        let others = try followers(plan, shared, 1..<plan.threads)
        do throws(Failure) {
            try lead(plan, shared, &conductor)
        } catch {
            shared.stop(error)
        }
        for other in others { other.join() }
        var outcome = outcome(shared, 0..<plan.threads)
        for left in try siblings.join() { outcome.add(try Outcome(left)) }
        guard let begin = conductor.begin, let end = conductor.end else {
            throw Failure(outcome.failure ?? "the measurement did not finish")
        }
        var report = Report(measurement: name, target: plan.target, load: load)
        report.tally = outcome.tally
        report.note =
            outcome.failure
            ?? (conductor.didStall ? "stalled: a message did not reach all subscribers" : nil)
        switch plan.work {
        case .follow: report.addDeliveries(from: begin, to: end, of: plan)
        case .echo: report.addRoundTrips(from: begin, to: end, of: plan)
        case .storm:
            report.addStorm(conductor, of: plan)
            report.addReturns(outcome.returns)
        }
        report.addLatency(outcome.latency)
        report.percentiles = Percentile.all(of: outcome.latency)
        return report
    }

    private static func lead(
        _ plan: Plan, _ shared: Shared, _ conductor: inout Conductor
    ) throws(Failure) {
        if let publishing = plan.publishing {
            var worker = try Worker(plan: plan, shared: shared, number: 0)
            try worker.lead(&conductor, publishing)
        } else {
            var worker = try EchoWorker(plan: plan, shared: shared, number: 0)
            try worker.lead(&conductor)
        }
    }

    /// What another process does.
    private static func follow(_ plan: Plan, _ shared: Shared, _ workers: Range<Int>) -> Outcome {
        do throws(Failure) {
            for follower in try followers(plan, shared, workers) { follower.join() }
        } catch {
            shared.stop(error)
        }
        return outcome(shared, workers)
    }

    private static func followers(
        _ plan: Plan, _ shared: Shared, _ workers: Range<Int>
    ) throws(Failure) -> [Follower] {
        try workers.map { worker throws(Failure) in try Follower(plan, shared, worker) }
    }

    /// Of this process's threads, which have ended.
    private static func outcome(_ shared: Shared, _ workers: Range<Int>) -> Outcome {
        var sum = Outcome()
        for board in shared.boards[workers] {
            if let outcome = board.outcome.withLock({ $0 }) { sum.add(outcome) }
        }
        sum.failure = shared.failure.withLock { $0 }
        return sum
    }
}

/// A thread that follows thread 0; a class, so that an array can hold it.
private final class Follower {
    private var thread: JoinableThread?

    init(_ plan: Plan, _ shared: Shared, _ number: Int) throws(Failure) {
        thread = try JoinableThread {
            do throws(Failure) {
                if plan.publishing == nil {
                    var worker = try EchoWorker(plan: plan, shared: shared, number: number)
                    try worker.follow()
                } else {
                    var worker = try Worker(plan: plan, shared: shared, number: number)
                    try worker.follow()
                }
            } catch {
                shared.stop(error)
            }
        }
    }

    func join() { thread.take()?.join() }
}
