// What the subscribers of one thread follow, and how the server's messages come to them.

enum Form: Sendable {
    /// A message's bytes and nothing else.
    case bare
    /// A JSON object around each, with channel and id.
    case envelopes
    /// Whole events of a stream, with ids.
    case events
}

struct Subscription: Sendable {
    let streams: Streams
    /// Whether each keeps its place, to go on from it.
    let resumes: Bool
    /// The number of the thread's first subscriber among all.
    let first: Int

    static let one = Subscription(streams: .one, resumes: false, first: 0)

    func form(_ transport: Transport) -> Form {
        if streams.areChannels, streams.each > 1 { return .envelopes }
        return switch transport {
        case .ws, .ndjson: resumes ? .envelopes : .bare
        case .sse: resumes ? .events : .bare
        // Where a poll goes on stands in the answer's head.
        case .poll: .bare
        }
    }

    /// The channels of the thread's subscriber `index`.
    func channels(_ index: Int, base: String) -> [String] {
        guard streams.areChannels else { return [base] }
        return (0..<streams.each).map {
            streams.channel(of: streams.stream(of: first + index, at: $0), base: base)
        }
    }
}
