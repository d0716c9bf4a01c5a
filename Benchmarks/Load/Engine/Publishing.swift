// How messages are put to the server: by which way, over how many connections, in which words.

enum PublishingWay: String, CaseIterable, Sendable {
    /// WebSocket.
    case ws
    /// POST requests, pipelined on connections that are kept.
    case http
}

struct Publishing: Sendable {
    private enum Words {
        /// A WebSocket whose channel is that of its URL.
        case frames
        /// A WebSocket that names a channel with each message.
        case commands
        case posts
        case batches
    }

    let way: PublishingWay
    /// Connections. A stream's messages all go over the same one, so that they have an order.
    let connections: Int
    /// The most messages in one request.
    let batch: Int
    private let target: Target
    private let streams: Streams
    private let words: Words

    /// - Parameter connections: taken as a wish: where a connection publishes on one channel only,
    ///   there is one for each.
    /// - Throws: when the server does not take messages this way.
    init(
        way: PublishingWay, connections: Int, batch: Int, to target: Target, _ streams: Streams
    ) throws(Failure) {
        self.way = way
        self.batch = batch
        self.target = target
        self.streams = streams
        if way == .http { try target.server.require("publishing by POST", ServerKind.withPosts) }
        if batch > 1 { try target.server.require("batches", ServerKind.withBatches) }
        words =
            switch way {
            case .http: batch > 1 ? .batches : .posts
            case .ws: streams.areChannels && target.server == .carillon ? .commands : .frames
            }
        let isBound = streams.areChannels && words == .frames
        self.connections = isBound ? streams.count : min(connections, streams.count)
    }

    /// The handshake of one of the connections; empty when it has none.
    func request(_ connection: Int) -> [UInt8] {
        switch words {
        case .frames:
            target.publishRequest(streams.channel(of: connection, base: target.channel))
        case .commands: target.commandRequest()
        case .posts, .batches: []
        }
    }

    /// Appends message `sequence` to what its connection says.
    func append(_ payload: UnsafeRawBufferPointer, _ sequence: UInt64, to turn: inout Turn) {
        let stream = Int(sequence % UInt64(streams.count))
        switch words {
        case .frames: Self.appendFrame(payload, to: &turn.bytes)
        case .commands:
            var command = Array(#"{"op":"publish","channel":"\#(channel(stream))","data":""#.utf8)
            command += payload
            command += #""}"#.utf8
            command.withUnsafeBytes { Self.appendFrame($0, to: &turn.bytes) }
        case .posts:
            turn.bytes += target.postHead(channel(stream), count: payload.count)
            turn.bytes += payload
        case .batches:
            turn.lines += #"{"channel":"\#(channel(stream))","data":""#.utf8
            turn.lines += payload
            turn.lines += "\"}\n".utf8
            turn.lineCount += 1
            if turn.lineCount == batch { seal(&turn) }
        }
    }

    /// Makes a request of the lines that wait for one.
    func seal(_ turn: inout Turn) {
        guard turn.lineCount > 0 else { return }
        turn.bytes += target.postHead(nil, count: turn.lines.count)
        turn.bytes += turn.lines
        turn.lines.removeAll(keepingCapacity: true)
        turn.lineCount = 0
    }

    private func channel(_ stream: Int) -> String {
        streams.channel(of: stream, base: target.channel)
    }

    private static func appendFrame(_ payload: UnsafeRawBufferPointer, to frames: inout [UInt8]) {
        WebSocketFrames.append(payload, first: 0x81, mask: .random(in: 0 ... .max), to: &frames)
    }

    /// What one connection has yet to say.
    struct Turn {
        var bytes: [UInt8] = []
        /// Of a batch that is not full.
        fileprivate(set) var lines: [UInt8] = []
        fileprivate(set) var lineCount = 0
    }
}
