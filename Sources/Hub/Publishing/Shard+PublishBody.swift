// `POST /channels/{name}`: the body is the message.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    mutating func publishBody(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ channel: ChannelName,
        _ body: [UInt8]
    ) {
        let kind: Message.Kind
        switch bodyKind(head, body) {
        case .success(let found): kind = found
        case .failure(let error):
            respondProblem(slot, head, .badRequest, error.detail)
            return
        }
        var publication = Publication(channel: channel, kind: kind, payload: body)
        do throws(PublishError) {
            try readOptions(head, into: &publication)
        } catch {
            respondProblem(slot, head, error)
            return
        }
        guard admitsPublish(slot) else {
            respondProblem(slot, head, tooManyPublishes)
            return
        }
        answerPublish(slot, exchange, head, publish(publication))
    }

    /// What a published body is: JSON when it is called so (and then it must be), bytes when it is
    /// called so or is not UTF-8, else text.
    private func bodyKind(
        _ head: RequestHead, _ body: [UInt8]
    ) -> Result<Message.Kind, JSONError> {
        var (isJSON, isBinary) = (false, false)
        _ = head.withFirst("Content-Type") { type in
            let media = type.extracting(0..<mediaTypeEnd(type))
            isJSON =
                equalIgnoringCase(media, "application/json")
                || media.count >= 5 && equalIgnoringCase(media.extracting(last: 5), "+json")
            isBinary = equalIgnoringCase(media, "application/octet-stream")
        }
        if isJSON {
            do throws(JSONError) {
                try validateJSON(body.span)
                return .success(.json)
            } catch {
                return .failure(error)
            }
        }
        if isBinary { return .success(.binary) }
        return .success(isValidUTF8(body.span) ? .text : .binary)
    }
}

/// Where a media type's parameters, or the blanks before them, begin (RFC 9110 §8.3.1).
private func mediaTypeEnd(_ type: Span<UInt8>) -> Int {
    var end = firstIndex(of: UInt8(ascii: ";"), in: type, from: 0) ?? type.count
    while end > 0, type[end - 1] == 0x20 || type[end - 1] == 0x09 { end -= 1 }
    return end
}
