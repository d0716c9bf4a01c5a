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
    /// - Parameter after: for long-polls, the header lines that say what was seen last.
    func subscribeRequest(after: String = "") -> [UInt8] {
        switch transport {
        case .ws: upgrade(subscribePath)
        case .sse: get("Accept: text/event-stream\r\n")
        case .ndjson: get("Accept: application/x-ndjson\r\n")
        case .poll: get("Accept: application/json\r\n\(after)")
        }
    }

    /// The request of the publisher, a WebSocket whatever the subscribers are.
    func publishRequest() -> [UInt8] {
        switch server {
        case .carillon: upgrade("/channels/\(channel)?echo=0")
        case .floor, .nchan, .nio, .nodews: upgrade("/pub/\(channel)")
        }
    }

    private var subscribePath: String {
        switch server {
        case .carillon: "/channels/\(channel)"
        case .floor, .nchan, .nio, .nodews: "/sub/\(channel)"
        }
    }

    private func upgrade(_ path: String) -> [UInt8] {
        Array(
            """
            GET \(path) HTTP/1.1\r
            Host: localhost:\(port)\r
            Connection: Upgrade\r
            Upgrade: websocket\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: \(ResponseHead.key)\r
            \r\n
            """.utf8)
    }

    private func get(_ fields: String) -> [UInt8] {
        Array("GET \(subscribePath) HTTP/1.1\r\nHost: localhost:\(port)\r\n\(fields)\r\n".utf8)
    }
}
