// `POST /publish`: one message a line, one answer a line.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    mutating func publishBatch(
        _ slot: Int, _ exchange: HTTPExchange, _ head: RequestHead, _ body: [UInt8]
    ) {
        var outcomes: [PublishOutcome] = []
        var lines = LineSplitter(lineBytesMax: limits.batchBytesMax)
        do throws(LineSplitterError) {
            try lines.feed(body.span) { line, _ in outcomes.append(publishLine(line)) }
            try lines.finish { line, _ in outcomes.append(publishLine(line)) }
        } catch {
            respondProblem(slot, head, .contentTooLarge, error.detail)
            return
        }
        answerPublish(
            slot, exchange, PendingPublish(head: head, outcomes: outcomes, isBatch: true))
    }

    private mutating func publishLine(_ line: Span<UInt8>) -> PublishOutcome {
        do throws(CommandError) {
            return publish(try publication(try JSONObject.command(array(line))))
        } catch {
            if case .publish(let refusal) = error { return .refused(refusal) }
            return .refused(.malformed(code: error.code, detail: error.detail))
        }
    }
}
