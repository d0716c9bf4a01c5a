// The first line of a request: `method SP request-target SP HTTP-version CRLF` (RFC 9112 §3).

private import Bytes

struct RequestLine {
    let method: HTTPMethod
    let version: HTTPVersion
    /// Visible ASCII without `#`, 1 byte or more.
    let target: Range<Int>
    /// Just past the line's CRLF.
    let end: Int

    init(_ head: Span<UInt8>, limits: HTTP1Limits) throws(HTTP1Error) {
        let start = startOfLine(head, emptyLineCountMax: limits.emptyLineCountMax)
        // First of all, so that a control byte is named as such wherever it stands.
        let lineEnd = try endOfLine(in: head, from: start)

        var methodEnd = start
        while methodEnd < lineEnd, head[methodEnd].isToken { methodEnd += 1 }
        guard methodEnd < lineEnd, methodEnd > start else { throw .malformedRequestLine }
        guard head[methodEnd] == .space else { throw .malformedMethod }

        let targetStart = methodEnd + 1
        var targetEnd = targetStart
        while targetEnd < lineEnd, head[targetEnd] != .space { targetEnd += 1 }
        guard targetEnd < lineEnd, targetEnd > targetStart else { throw .malformedRequestLine }

        version = try HTTPVersion(head.extracting(targetEnd + 1..<lineEnd))
        let name = head.extracting(start..<methodEnd)
        if equal(name, "CONNECT") { throw .connectUnsupported }
        method = HTTPMethod(name)
        target = targetStart..<targetEnd
        end = lineEnd + 2
        try checkTarget(head, target, limits)
    }
}

private func startOfLine(_ head: Span<UInt8>, emptyLineCountMax: Int) -> Int {
    var at = 0
    for _ in 0..<emptyLineCountMax {
        guard at + 1 < head.count, head[at] == .carriageReturn, head[at + 1] == .lineFeed else {
            break
        }
        at += 2
    }
    return at
}

private func checkTarget(
    _ head: Span<UInt8>, _ target: Range<Int>, _ limits: HTTP1Limits
) throws(HTTP1Error) {
    guard target.count <= limits.targetBytesMax else {
        throw .targetTooLong(limit: limits.targetBytesMax, measured: target.count)
    }
    for at in target {
        let byte = head[at]
        guard byte > 0x20, byte < 0x7F else { throw .targetByte(byte) }
        guard byte != 0x23 else { throw .fragmentInTarget }
    }
}
