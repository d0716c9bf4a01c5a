// Publishes messages, one request each, on one connection that is kept.

internal import Bytes
package import TLS
internal import Wire

/// What a message's data is, so that the server knows.
package enum DataKind: Sendable {
    /// Text if it is UTF-8, else binary.
    case text
    case json
    case binary

    fileprivate var contentType: FieldValue {
        switch self {
        case .text: "text/plain; charset=utf-8"
        case .json: "application/json"
        case .binary: "application/octet-stream"
        }
    }
}

/// Publishes on one channel. One thread.
package final class Publisher {
    private let style: RequestStyle
    private let context: TLSContext?
    private let kind: DataKind
    private let target: String
    private let limits: ClientLimits
    private var connection: Connection?

    /// - Parameters:
    ///   - key: an API key or token, of visible ASCII.
    ///   - event: the messages' event name.
    package init(
        _ url: ServerURL, kind: DataKind = .text, event: String? = nil, key: String? = nil,
        trust: TLSTrust = .system, limits: ClientLimits = ClientLimits()
    ) throws(ClientError) {
        style = RequestStyle(url: url, key: key)
        context = try clientContext(url, trust)
        self.kind = kind
        target = event.map { url.target(adding: "event", $0) } ?? url.target
        self.limits = limits
    }

    /// Publishes one message. Blocks until the server has taken it, or refused it.
    ///
    /// Nothing is sent a second time: after an error that came behind the request, the message may
    /// have been published or not.
    ///
    /// - Returns: the message's id.
    package func publish(_ data: [UInt8]) throws(ClientError) -> String {
        let request = ByteBuffer(minimumCapacity: data.count + 512)
        style.appendHead(
            "POST", target: target,
            fields: [("Accept", "application/json"), ("Content-Type", kind.contentType)],
            bodyLength: UInt64(data.count), to: request)
        request.append(data)
        if connection?.isFresh != true {
            connection = nil
            connection = try Connection(to: style.url, context, limits: limits, until: nil)
        }
        guard let connection else { preconditionFailure("no connection was made") }
        do throws(ClientError) {
            try connection.send(request)
        } catch {
            // A server that refuses a body answers, and closes before it has read all of it.
            guard case .broken = error else { throw error }
        }
        do throws(ClientError) {
            return try answer(connection)
        } catch {
            self.connection = nil
            throw error
        }
    }

    private func answer(_ connection: Connection) throws(ClientError) -> String {
        var response = ResponseReader(
            to: .post, bodyBytesMax: limits.problemBytesMax, limits: limits)
        let deadline = monotonicMilliseconds() + limits.answerMillisecondsMax
        var body: [UInt8] = []
        var isClosed = false
        while !response.isFinished {
            switch try connection.receive(until: deadline) {
            case .timedOut:
                throw .overdue(what: "an answer", milliseconds: limits.answerMillisecondsMax)
            case .closed:
                try response.closed()
                isClosed = true
            case .bytes(let bytes): _ = try response.receive(bytes.span, into: &body)
            }
        }
        if isClosed || response.head?.keepAlive != true { self.connection = nil }
        guard let object = try? JSONObject(parsing: body), let id = try? object.string("id") else {
            throw .unreadable("it names no id for the message")
        }
        return id
    }
}
