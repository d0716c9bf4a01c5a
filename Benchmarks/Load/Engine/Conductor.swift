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
    /// Of the generator.
    private let siblings: [Int32]
    private let audience: [UInt32]
    /// When the phase began.
    private var since: UInt64 = 0
    private var progress: (completed: UInt64, at: UInt64) = (0, 0)
    private var shown: Progress
    /// What was published when all were back.
    private var owed: UInt64 = 0
    private(set) var begin: Reading?
    private(set) var end: Reading?
    /// When all that were cut off were open again, and when they had received all that had been
    /// published by then.
    private(set) var back: Reading?
    private(set) var caughtUp: Reading?
    private(set) var didStall = false

    /// - Parameter siblings: the generator's other processes.
    init(plan: Plan, siblings: [Int32]) {
        self.plan = plan
        self.siblings = siblings
        audience = plan.streams.audience(of: 0..<plan.subscribers)
        shown = Progress(isOn: plan.showsProgress)
    }

    /// - Throws: when the subscribers cannot be opened.
    mutating func step(now: UInt64, _ shared: Shared) throws(Failure) -> Step {
        if since == 0 { since = now }
        shown.show(now: now, shared, of: plan.connections)
        let passed = Double(now - since) / 1e9
        switch shared.phase {
        case .opening:
            try checkOpening(shared, passed)
            if shared.opened == plan.connections { enter(.settling, now, shared) }
            return .wait
        case .settling:
            if passed >= plan.settleSeconds { enter(.warming, now, shared) }
            return .wait
        case .warming:
            if passed >= plan.warmupSeconds {
                begin = read(shared)
                enter(.measuring, now, shared)
            }
            return checkProgress(now, shared)
        case .measuring:
            guard passed >= plan.seconds || didStall else { return checkProgress(now, shared) }
            end = read(shared)
            enter(plan.work == .storm ? .returning : .draining, now, shared)
            return plan.work == .storm ? .publish : .flush
        case .returning:
            return checkReturn(now, shared, passed)
        case .draining:
            // Of an echo, everybody gets what it sent itself.
            let due =
                plan.publishing == nil ? shared.published : plan.due(shared.published, audience)
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

    private func read(_ shared: Shared) -> Reading {
        Reading.take(plan.serverProcesses, siblings, shared)
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

    private mutating func checkReturn(_ now: UInt64, _ shared: Shared, _ passed: Double) -> Step {
        if back == nil, shared.cut == plan.subscribers, shared.opened == plan.connections {
            back = read(shared)
            owed = shared.published
        }
        if back != nil, shared.completed >= owed { caughtUp = read(shared) }
        didStall = shared.failed > 0 || passed > plan.openingSecondsMax
        if caughtUp != nil || didStall { enter(.draining, now, shared) }
        return .publish
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
