// What a measurement found: printed for people, written as JSON for `Benchmarks/bench`.

import FoundationEssentials
import Glibc
import Histogram

struct Report: Encodable {
    struct Figure: Encodable {
        let name: String
        let unit: String
        let value: Double
    }

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

    /// Adds nothing when the value is no number: there was nothing to divide by.
    mutating func add(_ name: String, _ value: Double, _ unit: String) {
        guard value.isFinite else { return }
        figures.append(Figure(name: name, unit: unit, value: value))
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
        for figure in figures {
            let name = figure.name.padding(to: 22)
            Swift.print("  \(name) \(rounded(figure.value)) \(figure.unit)")
        }
        if let tally {
            Swift.print(
                "  lost \(tally.lost), duplicated \(tally.duplicated), reordered \(tally.reordered)",
                "damaged \(tally.damaged), closed \(tally.closed)", separator: ", ")
            if tally.unfinished > 0 { Swift.print("  unfinished \(tally.unfinished)") }
        }
        if let note { Swift.print("  note: \(note)") }
    }

    /// - Throws: when the file cannot be written.
    func write(to path: String) throws(Failure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        guard let data = try? encoder.encode(self), let file = fopen(path, "w") else {
            throw Failure("\(path): \(errorText())")
        }
        defer { fclose(file) }
        let bytes = Array(data) + [0x0a]
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw Failure("\(path): \(errorText())")
        }
    }
}

/// Three digits or more.
func rounded(_ value: Double) -> String {
    let decimals = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled.isFinite, scaled < 1e15 else { return "–" }
    let whole = Int(scaled) / Int(scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(whole)" }
    let part = String(Int(scaled) % Int(scale))
    return "\(sign)\(whole).\(String(repeating: "0", count: decimals - part.count))\(part)"
}

extension String {
    func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
