// When the publisher publishes.

enum Pace: Sendable {
    /// Closed loop: at most so many messages published and not yet received by all.
    case window(Int)
    /// Open loop: so many a second, whatever comes back. A message counts from when it was due.
    case rate(Double)
    /// Nothing is published.
    case none

    static let windows = 1...4096
    /// A second.
    static let rates = 0.1...100_000.0

    var window: Int {
        switch self {
        case .window(let messages): messages
        case .rate, .none: 0
        }
    }
}
