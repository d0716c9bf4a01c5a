// What one measurement of messages is to do.

struct Plan: Sendable {
    var target: Target
    var subscribers: Int
    var threads: Int
    var pace: Pace
    /// Of a message, 32 or more.
    var bytes: Int
    var settleSeconds: Double
    var warmupSeconds: Double
    var seconds: Double
    /// The server's processes; their children count too.
    var serverProcesses: [Int32]

    /// Tells this run's messages from those that a server kept of another.
    let run = UInt32.random(in: 1 ... .max)

    func subscribers(ofThread thread: Int) -> Int {
        subscribers / threads + (thread < subscribers % threads ? 1 : 0)
    }

    /// Opening that takes longer than this is a failure.
    var openingSecondsMax: Double { 15 + Double(subscribers) * 0.005 }
    static let drainSecondsMax = 3.0
    static let stallSecondsMax = 5.0
}
