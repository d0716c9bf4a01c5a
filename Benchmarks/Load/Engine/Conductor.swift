// Decides when a measurement's phases begin and end, and takes its readings between them. Thread 0
// only.

import Synchronization

struct Conductor {
    enum Step {
        case publish
        /// Publish nothing more, but write what is due.
        case flush
        case wait
    }

    private let plan: Plan
    /// When the phase began.
    private var since: UInt64 = 0
    private var progress: (completed: UInt64, at: UInt64) = (0, 0)
    private(set) var begin: Reading?
    private(set) var end: Reading?
    private(set) var didStall = false

    init(plan: Plan) { self.plan = plan }

    /// - Throws: when the subscribers cannot be opened.
    mutating func step(now: UInt64, _ shared: Shared) throws(Failure) -> Step {
        if since == 0 { since = now }
        let passed = Double(now - since) / 1e9
        switch shared.phase {
        case .opening:
            try checkOpening(shared, passed)
            // The publisher is one more.
            if shared.opened == plan.subscribers + 1 { enter(.settling, now, shared) }
            return .wait
        case .settling:
            if passed >= plan.settleSeconds { enter(.warming, now, shared) }
            return .wait
        case .warming:
            if passed >= plan.warmupSeconds {
                begin = Reading.take(plan.serverProcesses, shared)
                enter(.measuring, now, shared)
            }
            return checkProgress(now, shared)
        case .measuring:
            if passed >= plan.seconds || didStall {
                end = Reading.take(plan.serverProcesses, shared)
                enter(.draining, now, shared)
                return .flush
            }
            return checkProgress(now, shared)
        case .draining:
            let due = shared.published.load(ordering: .relaxed) * UInt64(plan.subscribers)
            if shared.delivered >= due || passed >= Plan.drainSecondsMax {
                enter(.stopped, now, shared)
            }
            return .flush
        case .stopped: return .wait
        }
    }

    private mutating func enter(_ phase: Phase, _ now: UInt64, _ shared: Shared) {
        shared.phase = phase
        since = now
    }

    private func checkOpening(_ shared: Shared, _ passed: Double) throws(Failure) {
        let opened = shared.opened
        if shared.failed > 0 {
            throw Failure("a connection failed while opening, after \(opened) were open")
        }
        if passed > plan.openingSecondsMax {
            throw Failure("only \(opened) connections opened in \(Int(passed)) s")
        }
    }

    /// In a closed loop one lost message would hold the window for ever.
    private mutating func checkProgress(_ now: UInt64, _ shared: Shared) -> Step {
        guard plan.pace.window > 0 else { return .publish }
        let completed = shared.completed
        if completed != progress.completed || progress.at == 0 { progress = (completed, now) }
        if Double(now - progress.at) / 1e9 > Plan.stallSecondsMax { didStall = true }
        return .publish
    }
}
