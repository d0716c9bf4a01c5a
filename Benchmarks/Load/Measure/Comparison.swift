// Reports of several rounds and servers, made one Markdown table a load.

struct Comparison {
    private struct Row {
        let server: String
        let reports: [Report]

        /// Nil when no report has the figure.
        func median(_ name: String) -> Double? { Self.median(values(name)) }

        /// In the order of the rounds.
        private func values(_ name: String) -> [Double] {
            reports.flatMap(\.figures).filter { $0.name == name }.map(\.value)
        }

        private static func median(_ unsorted: [Double]) -> Double? {
            guard !unsorted.isEmpty else { return nil }
            let values = unsorted.sorted()
            let middle = values.count / 2
            return values.count % 2 == 1
                ? values[middle] : (values[middle - 1] + values[middle]) / 2
        }

        func spread(_ name: String) -> String {
            let values = values(name)
            guard let low = values.min(), let high = values.max() else { return "–" }
            return "\(rounded(low))–\(rounded(high))"
        }

        /// The median of the ratios round by round, where both took part in all rounds: what
        /// disturbs the machine in one minute disturbs both. Else the ratio of the medians.
        func ratio(to other: Row, _ name: String) -> Double? {
            let mine = values(name)
            let others = other.values(name)
            guard let median = Self.median(mine), let base = Self.median(others) else { return nil }
            guard mine.count == others.count else { return median / base }
            return Self.median(zip(mine, others).map { $0 / $1 })
        }

        var errors: String {
            guard reports.allSatisfy(\.isClean) else { return "SOME" }
            return reports.contains { ($0.tally?.unfinished ?? 0) > 0 } ? "none, behind" : "none"
        }
    }

    private let tables: [(title: String, rows: [Row])]

    init(_ reports: [Report]) {
        var titles: [String] = []
        var grouped: [String: [(server: String, reports: [Report])]] = [:]
        for report in reports {
            let title = "\(report.measurement), \(report.load)"
            if grouped[title] == nil { titles.append(title) }
            let tls = report.tls ? " TLS" : ""
            let server = "\(report.server.rawValue) \(report.transport.rawValue)\(tls)"
            if let row = grouped[title]?.firstIndex(where: { $0.server == server }) {
                grouped[title]?[row].reports.append(report)
            } else {
                grouped[title, default: []].append((server, [report]))
            }
        }
        tables = titles.map { title in
            (title, (grouped[title] ?? []).map { Row(server: $0.server, reports: $0.reports) })
        }
    }

    func markdown() -> String {
        tables.map { table($0.title, $0.rows) }.joined(separator: "\n")
    }

    private func table(_ title: String, _ rows: [Row]) -> String {
        let names = figures(rows)
        let compared = names.first { Report.compared.contains($0.name) }
        let floor = rows.first { $0.server == "floor ws" } ?? rows[0]
        var head = ["server"]
        for figure in names { head.append("\(figure.name), \(figure.unit)") }
        if let compared {
            head += ["range of \(compared.name)", "ratio to \(floor.server)"]
        }
        head += ["runs", "errors"]
        var lines = [cells(head), cells(head.map { _ in "---" })]
        for row in rows {
            var line = [row.server]
            for figure in names { line.append(row.median(figure.name).map(rounded) ?? "–") }
            if let compared {
                line.append(row.spread(compared.name))
                line.append(row.ratio(to: floor, compared.name).map(rounded) ?? "–")
            }
            lines.append(cells(line + ["\(row.reports.count)", row.errors]))
        }
        return "\n### \(title)\n\n" + lines.joined(separator: "\n") + "\n"
    }

    /// What is worth a column, in the reports' order.
    private func figures(_ rows: [Row]) -> [Report.Figure] {
        let wanted = [
            "server CPU", "server user", "server system", "deliveries a second", "server busy",
            "generator CPU", "latency p50", "latency p99", "user memory", "kernel socket buffers",
            "kernel slab", "handshakes a second", "server CPU a handshake",
        ]
        let present = rows.flatMap(\.reports).flatMap(\.figures)
        return wanted.compactMap { name in present.first { $0.name == name } }
    }

    private func cells(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
}
