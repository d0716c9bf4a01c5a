// What a publisher may ask besides the message: checked here for each way to ask.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    /// What the header fields and the query ask for. The query counts where both say something,
    /// since it is what a person sees.
    func readOptions(
        _ head: RequestHead, _ query: [QueryItem], into publication: inout Publication
    ) throws(PublishError) {
        if let event = option("event", "Carillon-Event", head, query) {
            publication.event = try checked(event: event)
        }
        let keys = head.values("Idempotency-Key")
        if let field = keys.first {
            guard keys.count == 1, let key = sfString(Array(field.utf8)) else {
                throw .badKey(limit: limits.idempotencyKeyBytesMax)
            }
            publication.idempotencyKey = try checked(key: key)
        }
        if let text = option("ttl", "Carillon-TTL", head, query) {
            publication.timeToLiveMilliseconds = try timeToLive(seconds: decodeDecimal(text.span))
        }
        if let text = option("version", "Carillon-Version", head, query) {
            guard let version = decodeDecimal(text.span) else { throw .badVersion }
            publication.version = version
        }
        if let name = option("exclude", "Carillon-Exclude", head, query) {
            publication.excluding = try connection(named: name)
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
        let key: [UInt8]?
        do throws(JSONError) { key = try object.utf8("key") } catch {
            throw .badKey(limit: limits.idempotencyKeyBytesMax)
        }
        if let key { publication.idempotencyKey = try checked(key: key) }
        if let kind = object.kind("ttl"), kind != .null {
            publication.timeToLiveMilliseconds = try timeToLive(
                seconds: (try? object.unsigned("ttl")) ?? nil)
        }
        if let kind = object.kind("version"), kind != .null {
            guard let version = (try? object.unsigned("version")) ?? nil else { throw .badVersion }
            publication.version = version
        }
        let name: [UInt8]?
        do throws(JSONError) { name = try object.utf8("exclude") } catch { throw .badConnection }
        if let name { publication.excluding = try connection(named: name) }
    }

    private func option(
        _ item: StaticString, _ field: StaticString, _ head: RequestHead, _ query: [QueryItem]
    ) -> [UInt8]? {
        query.first { equal($0.name.span, item) }?.value
            ?? head.first(field).map { Array($0.utf8) }
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

    private func checked(key: [UInt8]) throws(PublishError) -> [UInt8] {
        guard !key.isEmpty, key.count <= limits.idempotencyKeyBytesMax else {
            throw .badKey(limit: limits.idempotencyKeyBytesMax)
        }
        return key
    }

    /// - Returns: milliseconds.
    private func timeToLive(seconds: UInt64?) throws(PublishError) -> UInt32 {
        guard let seconds, seconds > 0, seconds <= limits.timeToLiveSecondsMax else {
            throw .badTimeToLive(limitSeconds: limits.timeToLiveSecondsMax)
        }
        return UInt32(clamping: seconds * 1000)
    }

    private func connection(named name: [UInt8]) throws(PublishError) -> Peer {
        guard let peer = shared.connectionNames.peer(named: name) else { throw .badConnection }
        return peer
    }
}

/// A string of structured fields (RFC 8941 §3.3.3), as draft-ietf-httpapi-idempotency-key-header
/// wants its key, without parameters; or, since many send it so, the same without quotation marks.
///
/// - Returns: nil when it is neither.
func sfString(_ field: [UInt8]) -> [UInt8]? {
    let quote = UInt8(ascii: "\"")
    guard field.first == quote else {
        return field.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != quote } ? field : nil
    }
    var text: [UInt8] = []
    var at = 1
    while at < field.count {
        switch field[at] {
        case quote: return at == field.count - 1 ? text : nil
        case UInt8(ascii: "\\"):
            at += 1
            guard at < field.count, field[at] == quote || field[at] == UInt8(ascii: "\\") else {
                return nil
            }
            text.append(field[at])
        case 0x20...0x7E: text.append(field[at])
        case _: return nil
        }
        at += 1
    }
    return nil
}
