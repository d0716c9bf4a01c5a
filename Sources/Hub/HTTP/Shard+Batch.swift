// `POST /publish`: one message a line, one answer a line.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    mutating func publishBatch(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ body: [UInt8]
    ) {
        let lineCount = body.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
        guard lineCount <= limits.batchLinesMax else {
            respondProblem(
                slot, head, .contentTooLarge,
                "the batch has \(lineCount) lines; at most \(limits.batchLinesMax) are allowed",
                limit: limits.batchLinesMax, value: lineCount)
            return
        }
        var outcomes: [PublishOutcome] = []
        outcomes.reserveCapacity(lineCount + 1)
        var lines = LineSplitter(lineBytesMax: limits.batchBytesMax)
        do throws(LineSplitterError) {
            try lines.feed(body.span) { line, _ in outcomes.append(publishLine(slot, line)) }
            try lines.finish { line, _ in outcomes.append(publishLine(slot, line)) }
        } catch {
            respondProblem(slot, head, .contentTooLarge, error.detail)
            return
        }
        answerPublish(
            slot, exchange, PendingPublish(head: head, outcomes: outcomes, isBatch: true))
    }

    private mutating func publishLine(_ slot: Int, _ line: Span<UInt8>) -> PublishOutcome {
        var object = scratch.takeObject()
        defer { scratch.giveBack(&object) }
        append(line, to: &object.bytes)
        do throws(CommandError) {
            try object.parseCommand()
            let publication = try publication(object)
            guard admitsPublish(slot) else { return .refused(tooManyPublishes) }
            return publish(publication)
        } catch {
            if case .publish(let refusal) = error { return .refused(refusal) }
            return .refused(
                .malformed(code: error.code, detail: error.detail, measure: error.measure))
        }
    }
}
