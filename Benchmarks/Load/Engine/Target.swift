// Where the load goes and in which words: requests and paths of each server that we know.

enum ServerKind: String, CaseIterable, Codable, Sendable {
    case carillon
    case floor
    case nchan
    case nio
    case nodews
}

enum Transport: String, CaseIterable, Codable, Sendable {
    case ws
    case sse
    case ndjson
    case poll
}

struct Target: Sendable {
    let server: ServerKind
    let transport: Transport
    /// IPv4, host byte order.
    let host: UInt32
    let port: UInt16
    let channel: String
    let tls: TLSContext?

    /// - Throws: when the server does not speak the transport.
    init(
        server: ServerKind, transport: Transport, host: UInt32, port: UInt16, channel: String,
        tls: TLSContext?
    ) throws(Failure) {
        self.server = server
        self.transport = transport
        self.host = host
        self.port = port
        self.channel = channel
        self.tls = tls
        let speaks: Bool =
            switch (server, transport) {
            case (.carillon, _), (_, .ws), (.nchan, .sse), (.nchan, .poll): true
            case (.floor, _), (.nio, _), (.nodews, _), (.nchan, .ndjson): false
            }
        guard speaks else {
            throw Failure("\(server.rawValue) has no transport \(transport.rawValue)")
        }
    }

    /// The request of a subscriber.
    ///
    /// - Parameters:
    ///   - channels: one, or several where the server can.
    ///   - after: the id to go on from; empty: from now on.
    func subscribeRequest(_ channels: [String], _ form: Form, after: String = "") -> [UInt8] {
        let path = subscribePath(channels)
        let last = after.isEmpty ? "" : "Last-Event-ID: \(after)\r\n"
        switch (transport, form) {
        case (.ws, .envelopes):
            return upgrade(after.isEmpty ? path : "\(path)?after=\(after)", Self.envelopes)
        case (.ws, .bare), (.ws, .events): return upgrade(path)
        case (.sse, _): return get(path, "Accept: text/event-stream\r\n\(last)")
        case (.ndjson, _): return get(path, "Accept: application/x-ndjson\r\n\(last)")
        case (.poll, _):
            return pollRequest(channels, after.isEmpty ? "" : "If-None-Match: \(after)\r\n")
        }
    }

    /// A long-poll that goes on from an answer, whose header lines say from where.
    func pollRequest(_ channels: [String], _ fields: String) -> [UInt8] {
        get(subscribePath(channels), "Accept: application/json\r\n\(fields)")
    }

    /// What a WebSocket says after its handshake, to follow `channels`; each is answered.
    func subscribeCommands(_ channels: [String]) -> [UInt8] {
        var frames: [UInt8] = []
        for (place, channel) in channels.enumerated() {
            let command = Array(#"{"op":"subscribe","channel":"\#(channel)","ref":\#(place)}"#.utf8)
            command.withUnsafeBytes {
                WebSocketFrames.append($0, first: 0x81, mask: .random(in: 0 ... .max), to: &frames)
            }
        }
        return frames
    }

    /// The request of a WebSocket that publishes on one channel by bare frames.
    func publishRequest(_ channel: String) -> [UInt8] {
        switch server {
        case .carillon: upgrade("/channels/\(channel)?echo=0")
        case .floor, .nchan, .nio, .nodews: upgrade("/pub/\(channel)")
        }
    }

    /// The request of a WebSocket that publishes on any channel by commands.
    func commandRequest() -> [UInt8] { upgrade("/connect", Self.envelopes) }

    /// The request of a WebSocket that gets its own messages back.
    func echoRequest(_ channel: String) -> [UInt8] {
        upgrade(server == .carillon ? "/channels/\(channel)?echo=1" : subscribePath([channel]))
    }

    /// The head of a request that publishes `count` bytes; nil: a batch of lines, each with its
    /// channel.
    func postHead(_ channel: String?, count: Int) -> [UInt8] {
        let path =
            channel.map { server == .carillon ? "/channels/\($0)" : "/pub/\($0)" } ?? "/publish"
        return Array(
            """
            POST \(path) HTTP/1.1\r
            Host: localhost:\(port)\r
            Content-Length: \(count)\r
            \r

            """.utf8)
    }

    private func subscribePath(_ channels: [String]) -> String {
        switch server {
        case .carillon where channels.count > 1:
            transport == .ws
                ? "/connect" : "/channels?" + channels.map { "name=\($0)" }.joined(separator: "&")
        case .carillon: "/channels/\(channels[0])"
        case .floor, .nchan, .nio, .nodews: "/sub/\(channels[0])"
        }
    }

    private static let envelopes = "Sec-WebSocket-Protocol: carillon.v1\r\n"

    private func upgrade(_ path: String, _ fields: String = "") -> [UInt8] {
        Array(
            """
            GET \(path) HTTP/1.1\r
            Host: localhost:\(port)\r
            Connection: Upgrade\r
            Upgrade: websocket\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: \(ResponseHead.key)\r
            \(fields)\r

            """.utf8)
    }

    private func get(_ path: String, _ fields: String) -> [UInt8] {
        Array("GET \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\n\(fields)\r\n".utf8)
    }
}
