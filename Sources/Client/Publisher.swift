// Publishes messages, one request each, on one connection that is kept.

internal import Bytes
internal import Signatures
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

/// What is asked for each message besides that it be published.
package struct PublishOptions: Sendable {
    package var event: String?
    /// How long history keeps the message, seconds.
    package var timeToLiveSeconds: UInt64?
    /// It is published only if it is higher than the channel's last one.
    package var version: UInt64?
    /// The name of a connection that does not get the message.
    package var exclude: String?
    /// 1…128 bytes of printable ASCII, under which the server publishes one message only; nil for
    /// one made up for each message.
    package var idempotencyKey: String?

    package init(event: String? = nil) { self.event = event }
}

/// What the server has done.
package enum PublishResult: Sendable, Equatable {
    case published(id: String)
    /// The channel has this version, which is not lower than the one asked for.
    case skipped(version: UInt64)
}

/// Publishes on one channel. One thread.
package final class Publisher {
    private let style: RequestStyle
    private let context: TLSContext?
    private let kind: DataKind
    private let target: String
    private let options: PublishOptions
    private let backoff: Backoff
    private let limits: ClientLimits
    private var connection: Connection?
    /// A failure before it is a mistake in the command, more likely than a bad moment of the
    /// server.
    private var hasConnected = false

    /// - Parameters:
    ///   - key: an API key or token, of visible ASCII.
    package init(
        _ url: ServerURL, kind: DataKind = .text, options: PublishOptions = PublishOptions(),
        key: String? = nil, trust: TLSTrust = .system, backoff: Backoff = Backoff(),
        limits: ClientLimits = ClientLimits()
    ) throws(ClientError) {
        style = RequestStyle(url: url, key: key)
        context = try clientContext(url, trust)
        self.kind = kind
        self.options = options
        target = options.event.map { url.target(adding: "event", $0) } ?? url.target
        self.backoff = backoff
        self.limits = limits
    }

    /// Publishes one message. Blocks until the server has taken it, or refused it for good.
    ///
    /// What may pass is tried again, ``ClientLimits/publishAttemptsMax`` times in all, after as
    /// long as the server asks for. The message has an idempotency key, so that it is published
    /// once, whether the server had taken it before the failure or not.
    package func publish(_ data: [UInt8]) throws(ClientError) -> PublishResult {
        let key = options.idempotencyKey ?? madeUpKey()
        var backoff = backoff
        var attempts = 1
        while true {
            do throws(ClientError) {
                return try attempt(data, key)
            } catch {
                guard hasConnected, attempts < limits.publishAttemptsMax, error.mayPass else {
                    throw error
                }
                attempts += 1
                let wanted = min(error.retryMilliseconds, limits.retryMillisecondsMax)
                _ = pause(max(backoff.next(random: randomUInt64()), wanted), until: nil)
            }
        }
    }

    private func attempt(_ data: [UInt8], _ key: String) throws(ClientError) -> PublishResult {
        let request = ByteBuffer(minimumCapacity: data.count + 512)
        style.appendHead(
            "POST", target: target, fields: fields(key), bodyLength: UInt64(data.count),
            to: request)
        request.append(data)
        if connection?.isFresh != true {
            connection = nil
            connection = try Connection(to: style.url, context, limits: limits, until: nil)
            hasConnected = true
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

    private func fields(_ key: String) -> [(StaticString, FieldValue)] {
        // A string of structured fields (RFC 8941 §3.3.3).
        let escaped = key.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        var fields: [(StaticString, FieldValue)] = [
            ("Accept", "application/json"), ("Content-Type", kind.contentType),
            ("Idempotency-Key", .string("\"\(escaped)\"")),
        ]
        if let seconds = options.timeToLiveSeconds {
            fields.append(("Carillon-TTL", .decimal(seconds)))
        }
        if let version = options.version { fields.append(("Carillon-Version", .decimal(version))) }
        if let name = options.exclude { fields.append(("Carillon-Exclude", .string(name))) }
        return fields
    }

    private func madeUpKey() -> String {
        [randomUInt64(), randomUInt64()].map { String($0, radix: 36) }.joined(separator: "-")
    }

    private func answer(_ connection: Connection) throws(ClientError) -> PublishResult {
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
        if let object = try? JSONObject(parsing: body) {
            if let id = try? object.string("id") { return .published(id: id) }
            if (try? object.bool("skipped")) == true, let last = try? object.unsigned("version") {
                return .skipped(version: last)
            }
        }
        throw .unreadable("it names no id for the message")
    }
}
