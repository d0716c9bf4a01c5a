// Figures of measurements whose unit is not a delivery.

import Histogram

extension Report {
    /// Steady from the first reading to the cut; then all are away, and come back.
    mutating func addStorm(_ conductor: Conductor, of plan: Plan) {
        guard let begin = conductor.begin, let cut = conductor.end else { return }
        if let back = conductor.back { add("all back", seconds(cut, back), "s") }
        guard let caughtUp = conductor.caughtUp else { return }
        add("all caught up", seconds(cut, caughtUp), "s")
        let delivered = Double(caughtUp.delivered - cut.delivered)
        add("deliveries a resume", delivered / Double(plan.subscribers), "")
        if !plan.serverProcesses.isEmpty {
            // With what was delivered meanwhile.
            add("server CPU a resume", cpu(cut, caughtUp) / Double(plan.subscribers), "µs")
            add("server busy", cpu(cut, caughtUp) / seconds(cut, caughtUp) / 1e4, "%")
            add("server busy before", cpu(begin, cut) / seconds(begin, cut) / 1e4, "%")
        }
        let own = caughtUp.ownUser - cut.ownUser + caughtUp.ownSystem - cut.ownSystem
        add("generator busy", own / seconds(cut, caughtUp) / 1e4, "%")
    }

    /// How long each was away.
    mutating func addReturns(_ microseconds: Histogram<UInt32>) {
        for percentile in [50.0, 99] {
            let value = Double(microseconds.valueAtPercentile(percentile)) / 1000
            add("back p\(Int(percentile))", value, "ms")
        }
    }

    mutating func addRoundTrips(from begin: Reading, to end: Reading, of plan: Plan) {
        let trips = Double(end.delivered - begin.delivered)
        add("round trips a second", trips / seconds(begin, end), "/s")
        if !plan.serverProcesses.isEmpty {
            add("server CPU a round trip", cpu(begin, end) / trips, "µs")
            add("server user", (end.server.user - begin.server.user) / trips, "µs")
            add("server system", (end.server.system - begin.server.system) / trips, "µs")
            add("server busy", cpu(begin, end) / seconds(begin, end) / 1e4, "%")
        }
        let own = end.ownUser - begin.ownUser + end.ownSystem - begin.ownSystem
        add("generator CPU", own / trips, "µs")
        add("generator busy", own / seconds(begin, end) / 1e4, "%")
    }

    private func seconds(_ begin: Reading, _ end: Reading) -> Double {
        Double(end.time - begin.time) / 1e9
    }

    /// Microseconds of the server's.
    private func cpu(_ begin: Reading, _ end: Reading) -> Double {
        end.server.user - begin.server.user + end.server.system - begin.server.system
    }
}
