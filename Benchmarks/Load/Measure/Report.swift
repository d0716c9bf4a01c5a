// What a measurement of a server found.

import Harness
import Histogram

struct Report: Encodable {
    var measurement: String
    var server: ServerKind
    var transport: Transport
    var tls: Bool
    /// The load in words.
    var load: String
    var figures: [Figure] = []
    /// Of latency, for plots.
    var percentiles: [Percentile]?
    var tally: Tally?
    /// Whatever makes the figures doubtful.
    var note: String?

    /// Nothing lost or wrong, and the load was put on as planned.
    var isClean: Bool { (tally?.isClean ?? true) && note == nil }

    init(measurement: String, target: Target, load: String) {
        self.measurement = measurement
        self.server = target.server
        self.transport = target.transport
        self.tls = target.tls != nil
        self.load = load
    }

    mutating func add(_ name: String, _ value: Double, _ unit: String) {
        figures.add(name, value, unit)
    }

    mutating func addDeliveries(from begin: Reading, to end: Reading, of plan: Plan) {
        let seconds = Double(end.time - begin.time) / 1e9
        let delivered = Double(end.delivered - begin.delivered)
        add("deliveries", delivered, "")
        add("deliveries a second", delivered / seconds, "/s")
        add("messages a second", Double(end.published - begin.published) / seconds, "/s")
        if !plan.serverProcesses.isEmpty {
            let user = end.server.user - begin.server.user
            let system = end.server.system - begin.server.system
            add("server CPU", (user + system) / delivered, "µs")
            add("server user", user / delivered, "µs")
            add("server system", system / delivered, "µs")
            add("server busy", (user + system) / seconds / 1e4, "%")
            let switches = end.server.voluntarySwitches - begin.server.voluntarySwitches
            add("server sleeps", Double(switches) / seconds, "/s")
            let forced = end.server.involuntarySwitches - begin.server.involuntarySwitches
            add("server preempted", Double(forced) / seconds, "/s")
        }
        let own = end.ownUser - begin.ownUser + end.ownSystem - begin.ownSystem
        add("generator CPU", own / delivered, "µs")
        add("generator user", (end.ownUser - begin.ownUser) / delivered, "µs")
        add("generator busy", own / seconds / 1e4, "%")
    }

    mutating func addLatency(_ latency: Histogram<UInt32>) {
        for percentile in [50.0, 90, 99, 99.9] {
            let value = Double(latency.valueAtPercentile(percentile)) / 1000
            let isWhole = percentile == percentile.rounded()
            add("latency p\(isWhole ? "\(Int(percentile))" : "\(percentile)")", value, "ms")
        }
        add("latency max", Double(latency.max) / 1000, "ms")
    }

    func print() {
        let kind = "\(server.rawValue) \(transport.rawValue)\(tls ? " over TLS" : "")"
        Swift.print("\(measurement): \(kind), \(load)")
        figures.print()
        if let tally {
            Swift.print(
                "  lost \(tally.lost), duplicated \(tally.duplicated), reordered \(tally.reordered)",
                "damaged \(tally.damaged), closed \(tally.closed)", separator: ", ")
            if tally.unfinished > 0 { Swift.print("  unfinished \(tally.unfinished)") }
        }
        if let note { Swift.print("  note: \(note)") }
    }
}
