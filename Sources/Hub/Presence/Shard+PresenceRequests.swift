// What a client says about itself, and asks about others: `?user=`, `GET …/presence`, and the
// `presence` command.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    /// Takes the name that the client gives itself in `?user=`.
    ///
    /// - Returns: false after a 400.
    mutating func takeUser(_ slot: Int, _ head: RequestHead) -> Bool {
        let user = head.queryValue("user")
        connections[slot].user = user
        guard let user else { return true }
        guard !user.isEmpty, user.count <= limits.userNameBytesMax else {
            respondProblem(
                slot, head, .badRequest,
                "the user's name has \(user.count) bytes; "
                    + "1 to \(limits.userNameBytesMax) are allowed",
                limit: limits.userNameBytesMax, value: user.count)
            return false
        }
        guard isValidUTF8(user.span), !user.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            respondProblem(
                slot, head, .badRequest,
                "the user's name is not UTF-8, or holds a control character")
            return false
        }
        return true
    }

    // MARK: - Who is there

    mutating func requestPresence(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ name: ChannelName
    ) {
        guard keepsPresence(name) else {
            respondProblem(slot, head, .notFound, CommandError.noPresence.detail)
            return
        }
        exchange.awaits = .recall(head)
        askPresence(slot, name, .presenceRequest)
    }

    mutating func askPresence(
        _ slot: Int, _ session: WebSocketSession, _ object: JSONObject,
        _ reference: ArraySlice<UInt8>?
    ) throws(CommandError) {
        guard connections[slot].rights.contains(.read) else { throw .notAllowed("reading") }
        let name = try channel(object)
        guard keepsPresence(name) else { throw .noPresence }
        try countRecall(session)
        askPresence(slot, name, .presenceCommand(reference.map { Array($0) }))
    }

    private mutating func askPresence(
        _ slot: Int, _ name: ChannelName, _ purpose: RecallRequest.Purpose
    ) {
        ask(
            RecallRequest(
                requester: peer(slot), purpose: purpose, ticket: 0, channel: name, start: .now,
                upTo: position, limit: 0, wantsPresence: true))
    }

    /// The list in an answer.
    ///
    /// - Throws: the home could not be asked, or this turn has said so much already that the client
    ///   must ask again.
    private mutating func list(_ recall: Recall) throws(CommandError) -> [UInt8] {
        let owed = output.log(.direct).count
        guard owed <= limits.historyBytesPerTurnMax else {
            throw .busy(limit: limits.historyBytesPerTurnMax, measured: owed)
        }
        guard let list = recall.messages.last?.message, list.kind == .presence else {
            throw .homeBusy
        }
        return list.payload
    }

    mutating func answerPresence(_ slot: Int, _ recall: Recall) {
        guard case .http(let exchange) = connections[slot].activity,
            case .recall(let head) = exchange.awaits
        else { return }
        endWait(slot, exchange)
        do throws(CommandError) {
            let body = try list(recall) + [0x0A]
            respond(
                slot, head, type: "application/json", body: body.span,
                fields: [("Cache-Control", "no-store")])
        } catch {
            respondProblem(
                slot, head, .serviceUnavailable, error.detail,
                limit: error.measure?.limit, value: error.measure?.value,
                fields: [("Retry-After", "1")])
        }
    }

    mutating func answerPresence(_ slot: Int, _ recall: Recall, _ reference: [UInt8]?) {
        guard case .webSocket(let session) = connections[slot].activity else { return }
        session.recallCommands -= 1
        guard !session.closeSent else { return }
        let answer = ByteBuffer()
        do throws(CommandError) {
            let list = try list(recall)
            answer.append("{\"ok\":")
            if let reference { answer.append(reference.span) } else { answer.append("null") }
            answer.append(",")
            answer.append(list.span.extracting(1..<list.count))
        } catch {
            tally(.refused)
            appendError(error, reference: reference?[...], to: answer)
        }
        send(answer, to: slot, session)
    }
}
