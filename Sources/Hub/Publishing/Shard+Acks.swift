// Telling publishers once the disk has their messages.

internal import Bytes
internal import Ring
internal import Wire

/// A publish request whose answer waits for the disk.
struct PendingPublish {
    let head: RequestHead
    /// One, or one for each line of a batch.
    var outcomes: [PublishOutcome]
    let isBatch: Bool

    /// The highest sequence that the answer waits for; nil when it can be given.
    var awaited: UInt64? {
        outcomes.reduce(nil) { highest, outcome in
            guard case .pending(let sequence) = outcome else { return highest }
            return max(highest ?? 0, sequence)
        }
    }
}

extension Shard {
    /// Answers that one turn gives, so that a disk that comes back does not stop the loop.
    private static let acksPerTurnMax = 4_096

    /// Everything up to here is on the disk or will never be.
    var settled: UInt64 { shared.durable?.settled ?? .max }

    /// What is said of a sequence; nil while the disk has not taken it.
    func settled(_ sequence: UInt64) -> PublishOutcome? {
        guard let durable = shared.durable else { return .published(sequence) }
        guard durable.settled >= sequence else { return nil }
        return durable.hasFailed(sequence) ? .refused(.notStored) : .published(sequence)
    }

    /// What is said now, whether the disk has taken it or not.
    private func final(_ outcome: PublishOutcome) -> PublishOutcome {
        guard case .pending(let sequence) = outcome else { return outcome }
        return settled(sequence)
            ?? .refused(.notStoredYet(milliseconds: limits.ackMillisecondsMax))
    }

    /// Whether another turn has answers to give.
    var hasAcksDue: Bool {
        acks.isDue(settled: settled, nowMilliseconds: now.monotonicMilliseconds)
    }

    /// Gives the answers that are due.
    mutating func answerAcks() {
        // Read once: what is settled meanwhile wakes this loop for another turn.
        let settled = settled
        for _ in 0..<Shard.acksPerTurnMax {
            guard acks.isDue(settled: settled, nowMilliseconds: now.monotonicMilliseconds),
                let ack = acks.first
            else { return }
            acks.removeFirst()
            answer(ack)
        }
    }

    private mutating func answer(_ ack: Ack) {
        // The peer may have gone, or have been closed.
        guard let slot = slot(of: ack.peer) else { return }
        switch (ack.kind, connections[slot].activity) {
        case (.request, .http(let exchange)):
            guard case .disk(var pending) = exchange.awaits else { return }
            endWait(slot, exchange)
            for index in pending.outcomes.indices {
                pending.outcomes[index] = final(pending.outcomes[index])
            }
            respond(slot, pending)
        case (.command(let reference), .webSocket(let session)):
            session.acks -= 1
            let outcome = final(.pending(ack.sequence))
            let answer = scratch.answer
            answerPublish(slot, session, outcome, reference?[...], answer)
            if !answer.isEmpty { send(answer, to: slot, session) }
            scratch.clearAnswer()
        case (.request, _), (.command, _): break
        }
    }

    // MARK: - Requests

    /// Answers a publish request, now or once the disk has its message. Requests behind it wait.
    mutating func answerPublish(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ outcome: PublishOutcome
    ) {
        guard case .pending = outcome else {
            respond(slot, head, outcome)
            return
        }
        answerPublish(
            slot, exchange, PendingPublish(head: head, outcomes: [outcome], isBatch: false))
    }

    /// The same for a batch, once the disk has all of its messages.
    mutating func answerPublish(_ slot: Int, _ exchange: HTTPExchange, _ pending: PendingPublish) {
        guard let sequence = pending.awaited else {
            respond(slot, pending)
            return
        }
        exchange.awaits = .disk(pending)
        appendAck(slot, .request, sequence)
    }

    /// Nothing is awaited any more: what came behind the request has its turn.
    mutating func endWait(_ slot: Int, _ exchange: HTTPExchange) {
        exchange.awaits = nil
        if !exchange.carry.isEmpty || exchange.inputEnded { continuing.append(slot) }
    }

    private mutating func appendAck(_ slot: Int, _ kind: Ack.Kind, _ sequence: UInt64) {
        acks.append(
            Ack(
                peer: peer(slot), kind: kind, sequence: sequence,
                deadlineMilliseconds: now.monotonicMilliseconds + limits.ackMillisecondsMax))
    }

    private mutating func respond(_ slot: Int, _ pending: PendingPublish) {
        guard pending.isBatch else {
            respond(slot, pending.head, pending.outcomes[0])
            return
        }
        let answer = scratch.answer
        var retryAfterSeconds: UInt64 = 0
        for outcome in pending.outcomes {
            appendAnswer(outcome, to: answer)
            answer.append(0x0A)
            guard case .refused(let error) = outcome else { continue }
            tally(.refused)
            retryAfterSeconds = max(retryAfterSeconds, error.retryAfterSeconds ?? 0)
        }
        answer.withSpan {
            respond(
                slot, pending.head, type: "application/x-ndjson", body: $0,
                fields: retryAfterSeconds > 0 ? [("Retry-After", .decimal(retryAfterSeconds))] : [])
        }
        scratch.clearAnswer()
    }

    private mutating func respond(_ slot: Int, _ head: RequestHead, _ outcome: PublishOutcome) {
        if case .refused(let error) = outcome {
            respondProblem(slot, head, error)
            return
        }
        let answer = scratch.answer
        appendAnswer(outcome, to: answer)
        answer.append(0x0A)
        answer.withSpan { respond(slot, head, type: "application/json", body: $0) }
        scratch.clearAnswer()
    }

    mutating func respondProblem(_ slot: Int, _ head: RequestHead, _ error: PublishError) {
        respondProblem(
            slot, head, error.status, error.detail, limit: error.measure?.limit,
            value: error.measure?.value,
            fields: error.retryAfterSeconds.map { [("Retry-After", .decimal($0))] } ?? [])
    }

    // MARK: - Commands

    /// Says what came of a `publish` command, or has its answer wait for the disk.
    mutating func answerPublish(
        _ slot: Int, _ session: WebSocketSession, _ outcome: PublishOutcome,
        _ reference: ArraySlice<UInt8>?, _ answer: ByteBuffer
    ) {
        if case .pending(let sequence) = outcome {
            session.acks += 1
            // A copy: a slice would keep all of the command.
            appendAck(slot, .command(reference.map { Array($0) }), sequence)
            return
        }
        guard !session.closeSent else { return }
        // Without a `ref` only a refusal is told.
        if reference == nil {
            guard case .refused = outcome else { return }
        }
        if case .refused = outcome { tally(.refused) }
        appendAnswer(outcome, reference: reference, to: answer)
    }

    /// `{"id":…}`, `{"skipped":true,"version":…}` or `{"error":…}`, with the `ref` of a command.
    private func appendAnswer(
        _ outcome: PublishOutcome, reference: ArraySlice<UInt8>? = nil, to answer: ByteBuffer
    ) {
        switch outcome {
        case .published(let sequence), .pending(let sequence):
            appendOpening(reference, to: answer)
            answer.append("\"id\":\"")
            id(sequence).append(to: answer)
            answer.append("\"}")
        case .skipped(let version):
            appendOpening(reference, to: answer)
            answer.append("\"skipped\":true,\"version\":")
            answer.append(decimal: version)
            answer.append("}")
        case .refused(let error):
            appendError(.publish(error), reference: reference, to: answer)
        }
    }

    private func appendOpening(_ reference: ArraySlice<UInt8>?, to answer: ByteBuffer) {
        answer.append("{")
        guard let reference else { return }
        answer.append("\"ok\":")
        answer.append(reference.span)
        answer.append(",")
    }
}
