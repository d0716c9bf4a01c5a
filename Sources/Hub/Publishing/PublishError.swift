// Why a publish was refused, in the words of each way to publish.

internal import Wire

/// One case per reason. HTTP answers with ``status``, commands and batches with ``code``; ``detail``
/// is for a person.
enum PublishError: Error {
    /// The line of a batch is not what it should be, in the words of a command's error.
    case malformed(code: StaticString, detail: String, measure: (limit: Int, value: Int)?)
    case badEvent(EventError)
    case badKey(limit: Int)
    case badTimeToLive(limitSeconds: UInt64)
    case badVersion
    case badConnection
    case tooLarge(limit: Int, measured: Int)
    /// This connection publishes more than it may within a second. Nothing was kept.
    case rate(limit: Int)
    /// A loop is behind. Nothing was kept.
    case ringFull
    /// The idempotency key was published with another message.
    case keyReused
    /// Another key or version could not be remembered.
    case tooManyKeys(limit: Int)
    /// Too many answers wait for the disk.
    case busy(limit: Int)
    /// Durable messages are not taken at present. Nothing was kept.
    case notAccepting
    /// The message went out, and could not be put on the disk.
    case notStored
    /// The message went out, and the disk has not taken it in time.
    case notStoredYet(milliseconds: UInt64)

    var code: StaticString {
        switch self {
        case .malformed(let code, _, _): code
        case .badEvent: "bad-event"
        case .badKey: "bad-key"
        case .badTimeToLive: "bad-ttl"
        case .badVersion: "bad-version"
        case .badConnection: "bad-exclude"
        case .tooLarge: "too-large"
        case .rate: "rate"
        case .ringFull: "full"
        case .keyReused: "key-reused"
        case .tooManyKeys: "too-many-keys"
        case .busy: "busy"
        case .notAccepting, .notStored: "not-durable"
        case .notStoredYet: "not-durable-yet"
        }
    }

    var status: HTTPStatus {
        switch self {
        case .malformed, .badEvent, .badKey, .badTimeToLive, .badVersion, .badConnection:
            .badRequest
        case .tooLarge: .contentTooLarge
        case .keyReused: .unprocessableContent
        case .rate: .tooManyRequests
        case .ringFull, .tooManyKeys, .busy, .notAccepting: .serviceUnavailable
        case .notStored: .insufficientStorage
        case .notStoredYet: .gatewayTimeout
        }
    }

    /// What a raw WebSocket is closed with (RFC 6455 §7.4).
    var closeCode: UInt16 {
        switch self {
        case .tooLarge: 1009
        case .ringFull, .tooManyKeys, .busy, .notAccepting, .notStored, .notStoredYet: 1013
        case .malformed, .badEvent, .badKey, .badTimeToLive, .badVersion, .badConnection,
            .keyReused, .rate:
            1008
        }
    }

    /// When a message that was not published may be, seconds; nil when it never will, or when it
    /// went out.
    var retryAfterSeconds: UInt64? {
        switch self {
        case .rate, .ringFull, .busy: 1
        case .notAccepting, .tooManyKeys: 5
        case .malformed, .badEvent, .badKey, .badTimeToLive, .badVersion, .badConnection,
            .tooLarge, .keyReused, .notStored, .notStoredYet:
            nil
        }
    }

    var detail: String {
        switch self {
        case .malformed(_, let detail, _): detail
        case .badEvent(let error): error.detail
        case .badKey(let limit):
            "an idempotency key is a string of 1 to \(limit) bytes, given once"
        case .badTimeToLive(let limit): "ttl is a whole number of seconds, 1 to \(limit)"
        case .badVersion: "version is a whole number, 0 to \(UInt64.max)"
        case .badConnection:
            "exclude names a connection, as its Carillon-Connection header or the connection "
                + "command tells it: \(ConnectionNames.digits) hexadecimal digits"
        case .tooLarge(let limit, let measured):
            "the message has \(measured) bytes; at most \(limit) are allowed"
        case .rate(let limit):
            "more than \(limit) messages within a second; the message was not published"
        case .ringFull: "the ring is full; the message was not published; try again"
        case .keyReused: "this idempotency key was used for another message on this channel"
        case .tooManyKeys(let limit):
            "\(limit) idempotency keys and versions are remembered, and no more are; the message "
                + "was not published"
        case .busy(let limit):
            "\(limit) answers wait for the disk, and no more may; the message was not published"
        case .notAccepting:
            "the channel is durable, and the disk does not take messages at present; the message "
                + "was not published"
        case .notStored: "the message was delivered, but could not be put on the disk"
        case .notStoredYet(let milliseconds):
            "the message was delivered, but is not on the disk after \(milliseconds / 1000) s; "
                + "the same idempotency key asks again"
        }
    }

    /// The limit that was passed, and what was measured against it.
    var measure: (limit: Int, value: Int)? {
        switch self {
        case .malformed(_, _, let measure): measure
        case .badEvent(let error): error.measure
        case .tooLarge(let limit, let measured): (limit, measured)
        case .rate(let limit), .tooManyKeys(let limit), .busy(let limit): (limit, limit + 1)
        case .badKey, .badTimeToLive, .badVersion, .badConnection, .ringFull, .keyReused,
            .notAccepting, .notStored, .notStoredYet:
            nil
        }
    }
}

/// What is wrong with an event's name.
enum EventError: Error, Equatable {
    case tooLong(limit: Int, measured: Int)
    case malformed
    case notString

    var detail: String {
        switch self {
        case .tooLong(let limit, let measured):
            "the event name has \(measured) bytes; at most \(limit) are allowed"
        case .malformed: "the event name is empty, not UTF-8, or holds a line break or NUL"
        case .notString: "the event name is not a string"
        }
    }

    var measure: (limit: Int, value: Int)? {
        switch self {
        case .tooLong(let limit, let measured): (limit, measured)
        case .malformed, .notString: nil
        }
    }
}
