// `POST /publish`: one message a line, one answer a line.

internal import Bytes
internal import Ring
internal import Wire

extension Shard {
    mutating func publishBatch(_ slot: Int, _ head: RequestHead, _ body: [UInt8]) {
        let answer = ByteBuffer()
        var lines = LineSplitter(lineBytesMax: limits.batchBytesMax)
        var refusedFull = false
        do throws(LineSplitterError) {
            try lines.feed(body.span) { line, _ in publishLine(line, to: answer, &refusedFull) }
            try lines.finish { line, _ in publishLine(line, to: answer, &refusedFull) }
        } catch {
            respondProblem(slot, head, .contentTooLarge, error.detail)
            return
        }
        respond(
            slot, head, type: "application/x-ndjson", body: answer.array(),
            fields: refusedFull ? [("Retry-After", "1")] : [])
    }

    private mutating func publishLine(
        _ line: Span<UInt8>, to answer: ByteBuffer, _ refusedFull: inout Bool
    ) {
        let publication: Publication
        do throws(CommandError) {
            publication = try self.publication(try JSONObject.command(array(line)))
        } catch {
            appendError(error, reference: nil, to: answer)
            answer.append(0x0A)
            return
        }
        switch publish(publication) {
        case .published(let sequence): appendPublished(id(sequence), to: answer)
        case .full:
            refusedFull = true
            appendError(.ringFull, reference: nil, to: answer)
        case .tooLarge(let limit):
            appendError(
                .messageTooLarge(limit: limit, measured: publication.payload.count), reference: nil,
                to: answer)
        }
        answer.append(0x0A)
    }
}
