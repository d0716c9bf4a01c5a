// HTTP/1: heads, bodies, targets.

import Bytes
import Wire

private let limits = HTTP1Limits(
    headBytesMax: 1_024, fieldCountMax: 12, targetBytesMax: 256, emptyLineCountMax: 2,
    chunkLineBytesMax: 32, trailerBytesMax: 128)

/// Where the head ends, or the rule broken.
private struct Scanned: Equatable {
    var end: Int?
    var error: HTTP1Error?
}

private func scan(_ pieces: [[UInt8]]) -> Scanned {
    var scanner = HTTP1HeadScanner(limits: limits)
    var all: [UInt8] = []
    for piece in pieces {
        all += piece
        do throws(HTTP1Error) {
            if let end = try scanner.scan(all.span) { return Scanned(end: end) }
        } catch {
            return Scanned(error: error)
        }
    }
    return Scanned()
}

/// The head's bytes, if the input begins with a whole one. Pieces may break another rule first than
/// the whole does, so only success is compared.
private func head(_ input: [UInt8]) throws(Fault) -> [UInt8]? {
    let end = try sameHoweverCut(input) { scan($0).end }
    guard let end else { return nil }
    try require(end <= limits.headBytesMax, "a head of \(end) bytes")
    return Array(input[..<end])
}

func httpRequest(_ input: [UInt8]) throws(Fault) {
    guard let bytes = try head(input) else { return }
    let head: RequestHead
    do throws(HTTP1Error) {
        head = try RequestHead(bytes.span, limits: limits)
    } catch {
        try require(error.status >= 400, "an error answered \(error.status)")
        try require(!error.detail.isEmpty, "an error without a sentence")
        return
    }
    _ = (segments(head), head.query)
    _ = (head.first("Host"), head.values("Connection"), head.upgrades, head.host)
    _ = (head.accepts("text/event-stream"), head.wantsUpgrade(to: "websocket"))
    try require(head.fieldCount <= limits.fieldCountMax, "\(head.fieldCount) fields")
    try checkBody(head.bodyFraming, Array(input[bytes.count...]))
}

func httpResponse(_ input: [UInt8]) throws(Fault) {
    guard let bytes = try head(input) else { return }
    for method in [HTTPMethod.get, .head] {
        guard let head = try? ResponseHead(bytes.span, to: method, limits: limits) else { return }
        try require((100...599).contains(head.status), "status \(head.status)")
        _ = (head.first("ETag"), head.values("Connection"))
    }
}

private struct Body: Equatable {
    var bytes: [UInt8] = []
    var consumed = 0
    var finished = false
    var broken = false
}

private func read(_ framing: BodyFraming, _ pieces: [[UInt8]], bytesMax: Int) -> Body {
    var decoder = BodyDecoder(framing, bodyBytesMax: bytesMax, limits: limits)
    var body = Body()
    do throws(HTTP1Error) {
        for piece in pieces where !body.finished {
            let (consumed, finished) = try decoder.decode(piece.span, from: 0, into: &body.bytes)
            body.consumed += consumed
            body.finished = finished
        }
    } catch {
        // How much came out before depends on the cut; that it broke does not.
        return Body(broken: true)
    }
    return body
}

private func checkBody(_ framing: BodyFraming, _ input: [UInt8]) throws(Fault) {
    let bytesMax = 300
    let body = try sameHoweverCut(input) { read(framing, $0, bytesMax: bytesMax) }
    try require(body.bytes.count <= bytesMax, "\(body.bytes.count) bytes")
    try require(body.finished || body.broken || body.consumed == input.count, "bytes left")
    guard case .chunked = framing, body.finished, !body.bytes.isEmpty else { return }
    let again = ByteBuffer()
    ResponseWriter.appendChunk(body.bytes.span, to: again)
    ResponseWriter.appendLastChunk(to: again)
    let twice = read(framing, [again.array()], bytesMax: bytesMax)
    try require(twice.bytes == body.bytes && twice.finished, "written, it reads \(twice)")
}

/// The first byte chooses the framing.
func httpBody(_ input: [UInt8]) throws(Fault) {
    guard let first = input.first else { return }
    let framing: BodyFraming = first < 64 ? .length(UInt64(first) * 5) : .chunked
    try checkBody(framing, Array(input.dropFirst()))
}

private func segments(_ head: RequestHead) -> [[UInt8]] {
    var found: [[UInt8]] = []
    while head.withSegment(found.count, { found.append(array($0)) }) {}
    return found
}

func httpTarget(_ input: [UInt8]) throws(Fault) {
    let bytes = Array("GET ".utf8) + input + Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
    guard let end = scan([bytes]).end, end == bytes.count,
        let head = try? RequestHead(bytes.span, limits: limits)
    else { return }
    try require(head.path.first == 0x2F || head.isAsterisk, "a path \(head.path)")
    let segments = segments(head)
    // Written with every byte encoded, the same segments are read.
    let hex = Array("0123456789ABCDEF".utf8)
    let encoded = segments.map { segment in
        segment.flatMap { [0x25, hex[Int($0 >> 4)], hex[Int($0 & 15)]] }
    }
    let again = encoded.reduce(into: [UInt8]()) { $0 += [0x2F] + $1 }
    guard !head.isAsterisk, again.count <= limits.targetBytesMax else { return }
    let rewritten = Array("GET ".utf8) + again + Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
    let second = (try? RequestHead(rewritten.span, limits: limits)).map(Fuzzing.segments)
    try require(second == segments, "\(segments), rewritten \(String(describing: second))")
}
