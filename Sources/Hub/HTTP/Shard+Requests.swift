// Reading requests off a connection (RFC 9112), one after the other, and what a deadline means
// while doing so.

internal import Bytes
internal import Wire

extension Shard {
    mutating func receivedRequestBytes(
        _ slot: Int, _ exchange: HTTPExchange, _ bytes: Span<UInt8>
    ) {
        if exchange.carry.isEmpty, connections[slot].lag == nil {
            readRequests(slot, exchange, bytes)
        } else {
            keepForLater(slot, exchange, bytes)
            if connections[slot].lag == nil, exchange.awaits == nil {
                continueRequests(slot, exchange)
            }
        }
    }

    /// Goes on with what was read before.
    mutating func continueRequests(_ slot: Int, _ exchange: HTTPExchange) {
        guard exchange.awaits == nil else { return }
        var carried: [UInt8] = []
        swap(&carried, &exchange.carry)
        resumeReading(slot)
        readRequests(slot, exchange, carried.span)
    }

    /// Keeps input that can't be used yet; beyond the limit the connection is not read.
    mutating func keepForLater(_ slot: Int, _ exchange: HTTPExchange, _ bytes: Span<UInt8>) {
        append(bytes, to: &exchange.carry)
        if exchange.carry.count > limits.pipelinedBytesMax { pauseReading(slot) }
    }

    private mutating func readRequests(
        _ slot: Int, _ exchange: HTTPExchange, _ bytes: Span<UInt8>
    ) {
        var offset = 0
        var answered = 0
        while offset < bytes.count {
            guard case .http = connections[slot].activity else { break }
            if exchange.awaits != nil || answered >= limits.requestsPerTurnMax
                || (answered > 0 && owedBytesAreMany())
            {
                keepForLater(slot, exchange, bytes.extracting(offset..<bytes.count))
                if exchange.awaits == nil { continuing.append(slot) }
                return
            }
            do throws(HTTP1Error) {
                guard try readRequest(slot, exchange, bytes, &offset) else { return }
                answered += 1
            } catch {
                refuse(slot, error)
                return
            }
        }
        guard offset < bytes.count else { return }
        let rest = bytes.extracting(offset..<bytes.count)
        switch connections[slot].activity {
        case .none, .lingering, .stream: break
        case .http(let exchange): keepForLater(slot, exchange, rest)
        case .poll(let poll): keepForLater(slot, poll.exchange, rest)
        case .webSocket(let session): receivedFrames(slot, session, rest)
        }
    }

    private func owedBytesAreMany() -> Bool {
        (output.logs[Int(Encoding.direct.index)]?.count ?? 0) > limits.responseBytesPerTurnMax
    }

    /// Reads as much of one request as there is.
    ///
    /// - Returns: false when more bytes are needed (what was not used is kept).
    private mutating func readRequest(
        _ slot: Int, _ exchange: HTTPExchange, _ bytes: Span<UInt8>, _ offset: inout Int
    ) throws(HTTP1Error) -> Bool {
        switch exchange.stage {
        case .head:
            let rest = bytes.extracting(offset..<bytes.count)
            guard let end = try exchange.scanner.scan(rest) else {
                append(rest, to: &exchange.carry)
                offset = bytes.count
                beginHead(slot, exchange)
                return false
            }
            let head = try scratch.parseHead(rest.extracting(0..<end), limits.http)
            if let refusal = exchange.refusal {
                refuse(slot, head, refusal)
                return true
            }
            exchange.scanner = HTTP1HeadScanner(limits: limits.http)
            let route = route(of: head)
            if startsPoll(head, route), output.owes(slot) {
                // Its answer is put together from all that this connection is owed in the turn.
                keepForLater(slot, exchange, rest)
                offset = bytes.count
                continuing.append(slot)
                return false
            }
            offset += end
            if head.bodyFraming == .none {
                handle(slot, exchange, head, route, body: [])
            } else {
                try beginBody(slot, exchange, head, route, bytes, &offset)
            }
            return true
        case .body(let body):
            return try readBody(slot, exchange, body, bytes, &offset)
        }
    }

    /// Reads what has come of a body with its head, and awaits the rest.
    private mutating func beginBody(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ route: Route?,
        _ bytes: Span<UInt8>, _ offset: inout Int
    ) throws(HTTP1Error) {
        guard admit(slot, head, route), checkCoding(slot, head) else { return }
        // A poll's answer is put together from all that the connection is owed, which an interim
        // response, asked for by a body that nobody reads, would be part of.
        if head.expectsContinue, startsPoll(head, route) { throw .expectationUnsupported }
        let limit = route == .batch ? limits.batchBytesMax : limits.messageBytesMax
        var decoder = BodyDecoder(head.bodyFraming, bodyBytesMax: limit, limits: limits.http)
        var body: [UInt8] = []
        // A length over the limit is refused here, before the client is asked for the body.
        let (consumed, finished) = try decoder.decode(bytes, from: offset, into: &body)
        offset += consumed
        if finished {
            handle(slot, exchange, head, route, body: body)
            return
        }
        if head.expectsContinue { write(slot) { ResponseWriter.appendContinue(to: $0) } }
        exchange.stage = .body(IncomingBody(head: head, decoder: decoder, bytes: body))
        exchange.hasAnswered = false
        arm(slot, after: limits.bodyMillisecondsMax)
    }

    /// Refuses a body in a content coding: nothing would tell its readers how to undo it, and undone
    /// here, it could be a thousand times as long (RFC 9110 §8.4, §15.5.16).
    private mutating func checkCoding(_ slot: Int, _ head: RequestHead) -> Bool {
        let codings = head.values("Content-Encoding")
        guard codings.contains(where: { !$0.isEmpty && $0.lowercased() != "identity" }) else {
            return true
        }
        respondProblem(
            slot, head, .unsupportedMediaType, "a body must come without a content coding",
            fields: [("Accept-Encoding", "identity")], close: true)
        return false
    }

    private mutating func readBody(
        _ slot: Int, _ exchange: HTTPExchange, _ body: IncomingBody, _ bytes: Span<UInt8>,
        _ offset: inout Int
    ) throws(HTTP1Error) -> Bool {
        let (consumed, finished) = try body.decoder.decode(
            bytes, from: offset, into: &body.bytes)
        offset += consumed
        guard finished else { return false }
        exchange.stage = .head
        handle(slot, exchange, body.head, route(of: body.head), body: body.bytes)
        return true
    }

    // MARK: - Between requests

    /// A response is complete: the connection waits for the next request, or ends.
    mutating func finishResponse(_ slot: Int, keepAlive: Bool) {
        guard keepAlive, !isLeaving else {
            linger(slot)
            return
        }
        if case .http(let exchange) = connections[slot].activity { exchange.hasAnswered = true }
        arm(slot, after: limits.keepAliveMillisecondsMax)
    }

    /// The first bytes of a head are here and the rest is not. After an idle time the head has as
    /// long as the first one had; otherwise its time is running.
    private mutating func beginHead(_ slot: Int, _ exchange: HTTPExchange) {
        guard exchange.hasAnswered else { return }
        exchange.hasAnswered = false
        arm(slot, after: limits.headMillisecondsMax)
    }

    /// The time that the request being read, or the next one, has from now on.
    mutating func armRequest(_ slot: Int, _ exchange: HTTPExchange) {
        switch exchange.stage {
        case .head:
            arm(
                slot,
                after: exchange.hasAnswered
                    ? limits.keepAliveMillisecondsMax : limits.headMillisecondsMax)
        case .body: arm(slot, after: limits.bodyMillisecondsMax)
        }
    }

    mutating func requestOverdue(_ slot: Int, _ exchange: HTTPExchange) {
        if case .disk = exchange.awaits {
            // The request did arrive; its answer has a deadline of its own.
            arm(slot, after: limits.ackMillisecondsMax)
            return
        }
        switch exchange.stage {
        case .head where exchange.carry.isEmpty: free(slot, reason: .server)
        case .head:
            let limit =
                exchange.refusal == nil
                ? limits.headMillisecondsMax : limits.refusalMillisecondsMax
            respondProblem(
                slot, nil, .requestTimeout, "the request's head did not arrive within \(limit) ms",
                limit: Int(limit), close: true)
        case .body(let body):
            let came = body.bytes.count - body.bytesBefore
            body.bytesBefore = body.bytes.count
            guard came < limits.progressBytesMin else {
                arm(slot, after: limits.bodyMillisecondsMax)
                return
            }
            respondProblem(
                slot, nil, .requestTimeout,
                "\(came) bytes of the body came within \(limits.bodyMillisecondsMax) ms; "
                    + "it takes \(limits.progressBytesMin) to be given more time",
                limit: limits.progressBytesMin, value: came, close: true)
        }
    }
}
