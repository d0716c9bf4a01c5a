// Points of a histogram, for plots.

import Histogram

struct Percentile: Codable, Equatable {
    /// 0...100: so much of a hundred took no longer.
    let percentile: Double
    /// Milliseconds.
    let value: Double

    /// Dense where the slow ones are.
    private static let places = [
        0.0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99,
        100,
    ]

    /// Nothing of an empty histogram.
    static func all(of microseconds: Histogram<UInt32>) -> [Percentile] {
        guard microseconds.totalCount > 0 else { return [] }
        return places.map {
            let value = Double(microseconds.valueAtPercentile($0)) / 1000
            return Percentile(percentile: $0, value: value)
        }
    }
}
