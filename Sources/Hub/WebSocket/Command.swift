// Commands of `carillon.v1`, and the messages that they and batches carry.

internal import Bytes
internal import Ring
internal import Wire

/// Why a command was refused. Its code is what a client's program looks at, its detail what a
/// person reads.
enum CommandError: Error {
    case notJSON(String)
    case missing(String)
    case unknownOperation(String)
    case badName(NameError)
    case badData
    case notAllowed(String)
    case notSubscribed
    case tooManyChannels(limit: Int)
    case loopFull(Shard.LoopBound)
    case publish(PublishError)
    case referenceTooLarge(limit: Int, measured: Int)
    /// Output of this turn, bytes.
    case busy(limit: Int, measured: Int)
    /// The channel's home can't be asked.
    case homeBusy
    case tooManyRecalls(limit: Int)
    /// Commands within a second.
    case rate(limit: Int)
    case noPresence

    var code: StaticString {
        switch self {
        case .notJSON: "not-json"
        case .missing: "missing"
        case .unknownOperation: "unknown-operation"
        case .badName: "bad-channel"
        case .badData: "bad-data"
        case .notAllowed: "not-allowed"
        case .notSubscribed: "not-subscribed"
        case .tooManyChannels: "too-many-channels"
        case .loopFull: "too-many-channels"
        case .publish(let error): error.code
        case .referenceTooLarge: "too-large"
        case .busy, .homeBusy, .tooManyRecalls: "busy"
        case .rate: "rate"
        case .noPresence: "no-presence"
        }
    }

    var detail: String {
        switch self {
        case .notJSON(let detail): detail
        case .missing(let key): "\(key) is missing or of the wrong type"
        case .unknownOperation(let name): "there is no operation \(name)"
        case .badName(let error): error.detail
        case .badData: "data is any JSON value, or {\"base64\":\"…\"} with valid base64"
        case .notAllowed(let what): "\(what) is not allowed on this connection"
        case .notSubscribed: "the channel is not followed on this connection"
        case .tooManyChannels(let limit): "at most \(limit) channels on one connection"
        case .loopFull(let bound): bound.detail
        case .publish(let error): error.detail
        case .referenceTooLarge(let limit, let measured):
            "the ref has \(measured) bytes; at most \(limit) are allowed"
        case .busy(let limit, let measured):
            "\(measured) bytes are being answered at once; above \(limit) history and presence are "
                + "not told; try again"
        case .homeBusy: "the loop that keeps this channel is overwhelmed; try again"
        case .tooManyRecalls(let limit):
            "\(limit) history and presence commands are not answered yet, as many as may be; "
                + "try again"
        case .rate(let limit): "more than \(limit) commands within a second; try again"
        case .noPresence: "who follows this channel is not kept"
        }
    }
}

extension CommandError {
    /// The limit that was passed, and what was measured.
    var measure: (limit: Int, value: Int)? {
        switch self {
        case .badName(let error): error.measure
        case .publish(let error): error.measure
        case .tooManyChannels(let limit), .tooManyRecalls(let limit), .rate(let limit):
            (limit, limit + 1)
        case .loopFull(let bound): (bound.limit, bound.limit + 1)
        case .referenceTooLarge(let limit, let measured), .busy(let limit, let measured):
            (limit, measured)
        case .notJSON, .missing, .unknownOperation, .badData, .notAllowed, .notSubscribed,
            .homeBusy, .noPresence:
            nil
        }
    }
}

extension JSONObject {
    /// Reads the object on one line or in one frame.
    mutating func parseCommand() throws(CommandError) {
        do throws(JSONError) {
            try parse()
        } catch {
            throw .notJSON(error.detail)
        }
    }

    /// The string at `key`; nil when there is none.
    func text(_ key: StaticString) throws(CommandError) -> String? {
        do throws(JSONError) {
            return try string(key)
        } catch {
            throw .missing("\(key)")
        }
    }

    /// The number at `key`, 0 or more; nil when there is none.
    func count(_ key: StaticString) throws(CommandError) -> Int? {
        do throws(JSONError) {
            return try unsigned(key).map { Int(clamping: $0) }
        } catch {
            throw .missing("\(key)")
        }
    }
}

extension Shard {
    /// The channel that a command names.
    func channel(_ object: borrowing JSONObject) throws(CommandError) -> ChannelName {
        var name = Result<ChannelName, NameError>.failure(.empty)
        let isGiven: Bool
        do throws(JSONError) {
            isGiven = try object.withUTF8("channel") { name = channelName($0) }
        } catch {
            throw .missing("channel")
        }
        guard isGiven else { throw .missing("channel") }
        switch name {
        case .success(let name): return name
        case .failure(let error): throw .badName(error)
        }
    }

    /// The message in `{"channel":c,"data":…}`, with the options that a publisher has. A JSON string
    /// is text, `{"base64":…}` is bytes, any other value is JSON.
    func publication(_ object: borrowing JSONObject) throws(CommandError) -> Publication {
        let channel = try channel(object)
        guard let raw = object.raw("data"), let kind = object.kind("data") else {
            throw .missing("data")
        }
        let payload: [UInt8]
        let messageKind: Message.Kind
        if kind == .string {
            payload = (try? object.utf8("data")) ?? []
            messageKind = .text
        } else if let bytes = try binary(object) {
            payload = bytes
            messageKind = .binary
        } else {
            payload = Array(object.bytes[raw])
            messageKind = .json
        }
        var publication = Publication(channel: channel, kind: messageKind, payload: payload)
        do throws(PublishError) {
            guard payload.count <= limits.messageBytesMax else {
                throw .tooLarge(limit: limits.messageBytesMax, measured: payload.count)
            }
            try readOptions(object, into: &publication)
        } catch {
            throw .publish(error)
        }
        return publication
    }

    private func binary(_ object: borrowing JSONObject) throws(CommandError) -> [UInt8]? {
        do throws(Base64Error) {
            return try object.binary("data")
        } catch {
            throw .badData
        }
    }

    /// `{"error":{"code":…,"message":…},"ref":…}`, the error with `limit` and `value` where there
    /// is a limit.
    func appendError(
        _ error: CommandError, reference: ArraySlice<UInt8>?, to output: ByteBuffer
    ) {
        output.append("{\"error\":{\"code\":\"")
        output.append(error.code)
        output.append("\",\"message\":")
        appendJSONString(error.detail.utf8.span, to: output)
        if let measure = error.measure {
            output.append(",\"limit\":")
            output.append(decimal: UInt64(measure.limit))
            output.append(",\"value\":")
            output.append(decimal: UInt64(measure.value))
        }
        output.append("}")
        if let reference {
            output.append(",\"ref\":")
            output.append(reference.span)
        }
        output.append("}")
    }
}
