// `POST /channels/{name}`: the body is the message.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    mutating func publishBody(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ query: [QueryItem],
        _ names: [ChannelName], _ body: [UInt8]
    ) {
        let kind: Message.Kind
        switch bodyKind(head, body) {
        case .success(let found): kind = found
        case .failure(let error):
            respondProblem(slot, head, .badRequest, error.detail)
            return
        }
        guard names.count == 1 else {
            respondProblem(
                slot, head, .badRequest,
                "\(names.count) channels are named; POST /publish takes several messages")
            return
        }
        var publication = Publication(channel: names[0], kind: kind, payload: body)
        do throws(PublishError) {
            try readOptions(head, query, into: &publication)
        } catch {
            respondProblem(slot, head, error)
            return
        }
        guard admitsPublish(slot) else {
            respondProblem(slot, head, tooManyPublishes)
            return
        }
        let outcome = publish(publication)
        answerPublish(
            slot, exchange, PendingPublish(head: head, outcomes: [outcome], isBatch: false))
    }

    /// What a published body is: JSON when it is called so (and then it must be), bytes when it is
    /// called so or is not UTF-8, else text.
    private func bodyKind(
        _ head: RequestHead, _ body: [UInt8]
    ) -> Result<Message.Kind, JSONError> {
        let type = (head.first("Content-Type") ?? "").lowercased()
        let media = type.prefix { $0 != ";" }.trimmingSpaces()
        if media == "application/json" || media.hasSuffix("+json") {
            do throws(JSONError) {
                try validateJSON(body.span)
                return .success(.json)
            } catch {
                return .failure(error)
            }
        }
        if media == "application/octet-stream" { return .success(.binary) }
        return .success(isValidUTF8(body.span) ? .text : .binary)
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var rest = self
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return rest
    }
}
