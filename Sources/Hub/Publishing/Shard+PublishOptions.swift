// What a publisher may ask besides the message: checked here for each way to ask.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    /// What the header fields and the query ask for. The query counts where both say something,
    /// since it is what a person sees.
    func readOptions(
        _ head: RequestHead, into publication: inout Publication
    ) throws(PublishError) {
        var event: [UInt8] = []
        if option("event", "Carillon-Event", head, { event = array($0) }) {
            publication.event = try checked(event: event)
        }
        var key: Digest?
        let channel = publication.channel
        let isKeyed = head.withFirst("Idempotency-Key") { field in
            withSFString(field) { key = digest(key: $0, on: channel) }
        }
        if isKeyed {
            guard let key, !head.isRepeated("Idempotency-Key") else {
                throw .badKey(limit: limits.idempotencyKeyBytesMax)
            }
            publication.idempotencyKey = key
        }
        var number: UInt64?
        if option("ttl", "Carillon-TTL", head, { number = decodeDecimal($0) }) {
            publication.timeToLiveMilliseconds = try timeToLive(seconds: number)
        }
        if option("version", "Carillon-Version", head, { number = decodeDecimal($0) }) {
            guard let number else { throw .badVersion }
            publication.version = number
        }
        var excluded: Peer?
        let names = shared.connectionNames
        if option("exclude", "Carillon-Exclude", head, { excluded = names.peer(named: $0) }) {
            guard let excluded else { throw .badConnection }
            publication.excluding = excluded
        }
    }

    /// What the members of a batch's line, or of a command, ask for.
    func readOptions(
        _ object: borrowing JSONObject, into publication: inout Publication
    ) throws(PublishError) {
        do throws(JSONError) {
            publication.event = try object.utf8("event")
        } catch {
            throw .badEvent(.notString)
        }
        if let event = publication.event { publication.event = try checked(event: event) }
        let badKey = PublishError.badKey(limit: limits.idempotencyKeyBytesMax)
        let channel = publication.channel
        publication.idempotencyKey = try member("key", of: object, or: badKey) {
            digest(key: $0, on: channel)
        }
        if let kind = object.kind("ttl"), kind != .null {
            publication.timeToLiveMilliseconds = try timeToLive(
                seconds: (try? object.unsigned("ttl")) ?? nil)
        }
        if let kind = object.kind("version"), kind != .null {
            guard let version = (try? object.unsigned("version")) ?? nil else { throw .badVersion }
            publication.version = version
        }
        let names = shared.connectionNames
        publication.excluding = try member("exclude", of: object, or: .badConnection) {
            names.peer(named: $0)
        }
    }

    /// What `read` makes of the string at `key`; nil when there is none.
    ///
    /// - Throws: `refusal` when it is no string, or `read` makes nothing of it.
    private func member<Value>(
        _ key: StaticString, of object: borrowing JSONObject, or refusal: PublishError,
        _ read: (Span<UInt8>) -> Value?
    ) throws(PublishError) -> Value? {
        var value: Value?
        let isThere: Bool
        do throws(JSONError) {
            isThere = try object.withUTF8(key) { value = read($0) }
        } catch {
            throw refusal
        }
        if isThere, value == nil { throw refusal }
        return value
    }

    /// Gives what the query or the field says to `body`.
    ///
    /// - Returns: whether one of them says something.
    private func option(
        _ item: StaticString, _ field: StaticString, _ head: RequestHead,
        _ body: (Span<UInt8>) -> Void
    ) -> Bool {
        head.withQueryValue(item, body) || head.withFirst(field, body)
    }

    // MARK: - Checks

    private func checked(event: [UInt8]) throws(PublishError) -> [UInt8] {
        if event.count > limits.eventNameBytesMax {
            throw .badEvent(.tooLong(limit: limits.eventNameBytesMax, measured: event.count))
        }
        guard ServerSentEvents.isValidEventName(event.span), isValidUTF8(event.span) else {
            throw .badEvent(.malformed)
        }
        return event
    }

    /// nil for a key that is none: empty, or too long.
    private func digest(key: Span<UInt8>, on channel: ChannelName) -> Digest? {
        guard !key.isEmpty, key.count <= limits.idempotencyKeyBytesMax else { return nil }
        return shared.ledger.digest(of: key, on: channel)
    }

    /// - Returns: milliseconds.
    private func timeToLive(seconds: UInt64?) throws(PublishError) -> UInt32 {
        guard let seconds, seconds > 0, seconds <= limits.timeToLiveSecondsMax else {
            throw .badTimeToLive(limitSeconds: limits.timeToLiveSecondsMax)
        }
        return UInt32(clamping: seconds * 1000)
    }
}

/// Gives a string of structured fields (RFC 8941 §3.3.3), as
/// draft-ietf-httpapi-idempotency-key-header wants its key, without parameters, to `body`; or, since
/// many send it so, the same without quotation marks. Nothing, when it is neither.
func withSFString(_ field: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
    let quote = UInt8(ascii: "\"")
    guard field.count > 0, field[0] == quote else {
        for at in field.indices where !(0x21...0x7E ~= field[at]) || field[at] == quote { return }
        return body(field)
    }
    guard field.count > 1, field[field.count - 1] == quote else { return }
    let content = field.extracting(1..<field.count - 1)
    var text: [UInt8] = []
    var start = 0
    var at = 0
    while at < content.count {
        switch content[at] {
        case quote: return
        case UInt8(ascii: "\\"):
            guard at + 1 < content.count,
                content[at + 1] == quote || content[at + 1] == UInt8(ascii: "\\")
            else { return }
            append(content.extracting(start..<at), to: &text)
            start = at + 1
            at += 2
        case 0x20...0x7E: at += 1
        case _: return
        }
    }
    if start == 0 { return body(content) }
    append(content.extracting(start..<at), to: &text)
    body(text.span)
}
