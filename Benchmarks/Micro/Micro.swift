// Times the workloads. What they cost in instructions and allocations, which repeat exactly, is
// checked elsewhere (`make bench-check`); what a clock says depends on machine and minute.

import Benchmark
import Workloads

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = Benchmark.Configuration(
        metrics: [.wallClock, .throughput], warmupIterations: 1, scalingFactor: .one,
        maxDuration: .milliseconds(500), maxIterations: 1_000_000)

    for workload in Workload.all {
        // A row is one run: `count` of what the name says.
        Benchmark("\(workload.name), \(workload.count) × \(workload.unit)") { benchmark in
            let steps = workload.make()
            for _ in 0..<workload.warmUps {
                steps.prepare()
                steps.run()
            }
            for _ in benchmark.scaledIterations {
                steps.prepare()
                benchmark.startMeasurement()
                steps.run()
                benchmark.stopMeasurement()
            }
        }
    }

    for (writers, readers) in [(1, 1), (2, 2)] {
        let messages = 1_000_000
        Benchmark(
            "ring, writers: \(writers), readers: \(readers), \(messages) × message",
            configuration: .init(maxDuration: .seconds(5), maxIterations: 10)
        ) { benchmark in
            raceRing(writers: writers, readers: readers, messages: messages / writers) {
                benchmark.startMeasurement()
            }
            benchmark.stopMeasurement()
        }
    }
}
