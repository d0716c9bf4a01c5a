// What one measurement of messages is to do.

struct Plan: Sendable {
    enum Work: Sendable, Equatable {
        /// Subscribers receive what is published.
        case follow
        /// They are cut off in the midst of it, and come back.
        case storm
        /// Each sends, and waits for its own: at most so many at once.
        case echo(window: Int)
    }

    var target: Target
    var work = Work.follow
    var subscribers: Int
    /// Of each process.
    var threads: Int
    var processes = 1
    var streams = Streams.one
    /// Nil for echo.
    var publishing: Publishing?
    var pace: Pace
    /// Of a message, 32 or more.
    var bytes: Int
    var settleSeconds: Double
    var warmupSeconds: Double
    var seconds: Double
    /// How many connections of a thread are on their way in at once.
    var openingMax = Links.openingMax
    /// The server's processes; their children count too.
    var serverProcesses: [Int32]
    var showsProgress = false

    /// Tells this run's messages from those that a server kept of another.
    let run = UInt32.random(in: 1 ... .max)

    /// Threads of all processes.
    var workers: Int { threads * processes }

    /// How many connections there are, with those that publish.
    var connections: Int { subscribers + (publishing?.connections ?? 0) }

    func subscribers(of worker: Int) -> Range<Int> {
        let (each, more) = subscribers.quotientAndRemainder(dividingBy: workers)
        let first = worker * each + min(worker, more)
        return first..<first + each + (worker < more ? 1 : 0)
    }

    func subscription(of worker: Int) -> Subscription {
        Subscription(
            streams: streams, resumes: work == .storm, first: subscribers(of: worker).lowerBound)
    }

    /// Deliveries of the first `published` messages to all who follow them.
    func due(_ published: UInt64, _ audience: [UInt32]) -> UInt64 {
        audience.indices.reduce(0) {
            $0 + streams.messages(of: $1, published: published) * UInt64(audience[$1])
        }
    }

    /// How many publishing times are kept, a power of two: more than are on their way at once.
    var timesKept: Int {
        switch work {
        case .follow: Receipt.timesKept
        case .storm: 1 << 20
        // `streams.count` is a power of two.
        case .echo(let window): max(Receipt.timesKept, streams.count * powerOfTwo(from: window))
        }
    }

    /// When latency is recorded.
    var measuredPhase: Phase { work == .storm ? .returning : .measuring }

    /// Opening that takes longer than this is a failure.
    var openingSecondsMax: Double { 15 + Double(subscribers) * 0.005 }
    static let drainSecondsMax = 3.0
    static let stallSecondsMax = 5.0
}

/// The lowest power of two that is not below `number`.
func powerOfTwo(from number: Int) -> Int {
    var power = 1
    while power < number { power *= 2 }
    return power
}
