// `POST /publish`: one message a line, one answer a line.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    mutating func publishBatch(_ slot: Int, _ head: RequestHead, _ body: [UInt8]) {
        let lineCount = body.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
        guard lineCount <= limits.batchLinesMax else {
            respondProblem(
                slot, head, .contentTooLarge,
                "the batch has \(lineCount) lines; at most \(limits.batchLinesMax) are allowed",
                limit: limits.batchLinesMax, value: lineCount)
            return
        }
        let answer = ByteBuffer()
        var lines = LineSplitter(lineBytesMax: limits.batchBytesMax)
        var mayComeAgain = false
        do throws(LineSplitterError) {
            try lines.feed(body.span) { line, _ in
                publishLine(slot, line, to: answer, &mayComeAgain)
            }
            try lines.finish { line, _ in publishLine(slot, line, to: answer, &mayComeAgain) }
        } catch {
            respondProblem(slot, head, .contentTooLarge, error.detail)
            return
        }
        respond(
            slot, head, type: "application/x-ndjson", body: answer.array(),
            fields: mayComeAgain ? [("Retry-After", "1")] : [])
    }

    private mutating func publishLine(
        _ slot: Int, _ line: Span<UInt8>, to answer: ByteBuffer, _ mayComeAgain: inout Bool
    ) {
        let publication: Publication
        do throws(CommandError) {
            publication = try self.publication(try JSONObject.command(array(line)))
        } catch {
            tally(.refused)
            appendError(error, reference: nil, to: answer)
            answer.append(0x0A)
            return
        }
        guard admitsPublish(slot) else {
            mayComeAgain = true
            appendError(
                .rate("messages", limit: limits.publishesPerSecondMax), reference: nil, to: answer)
            answer.append(0x0A)
            return
        }
        switch publish(publication) {
        case .published(let sequence): appendPublished(id(sequence), to: answer)
        case .full:
            mayComeAgain = true
            appendError(.ringFull, reference: nil, to: answer)
        case .tooLarge(let limit):
            appendError(
                .messageTooLarge(limit: limit, measured: publication.payload.count), reference: nil,
                to: answer)
        }
        answer.append(0x0A)
    }
}
