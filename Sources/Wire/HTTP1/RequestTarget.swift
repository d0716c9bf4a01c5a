// The request target in the forms that a server meets (RFC 9112 §3.2), as offsets into the head.

private import Bytes

/// Escapes in path and query are well-formed: who decodes them finds no fault.
struct RequestTarget: Sendable {
    enum Form: Sendable { case origin, absolute, asterisk }

    let form: Form
    /// Empty but in absolute form.
    let authority: Range<Int>
    /// Empty when a target in absolute form has none, which means `/`.
    let path: Range<Int>
    /// What follows `?`; `nil` without one.
    let query: Range<Int>?

    /// - Parameter range: the target in `head`, visible ASCII without `#`, 1 byte or more.
    init(
        _ head: Span<UInt8>, _ range: Range<Int>, method: HTTPMethod
    ) throws(HTTP1Error) {
        let end = range.upperBound
        var pathStart = range.lowerBound
        if range.count == 1, head[pathStart] == 0x2A {
            guard method == .options else { throw .asteriskWithoutOptions }
            form = .asterisk
            authority = pathStart..<pathStart
            path = range
            query = nil
            return
        }
        if head[pathStart] == 0x2F {
            form = .origin
            authority = pathStart..<pathStart
        } else {
            form = .absolute
            let start = try endOfScheme(head, range)
            pathStart = start
            while pathStart < end, head[pathStart] != 0x2F, head[pathStart] != 0x3F {
                pathStart += 1
            }
            authority = start..<pathStart
            guard isAuthority(head, authority) else { throw .malformedAuthority }
        }
        var pathEnd = pathStart
        while pathEnd < end, head[pathEnd] != 0x3F { pathEnd += 1 }
        path = pathStart..<pathEnd
        query = pathEnd < end ? pathEnd + 1..<end : nil
        try checkEscapes(head, pathStart..<end)
    }
}

/// Where the authority begins in a target that starts with `http://` or `https://`.
private func endOfScheme(_ head: Span<UInt8>, _ range: Range<Int>) throws(HTTP1Error) -> Int {
    let start = range.lowerBound
    if range.count >= 7, equalIgnoringCase(head.extracting(start..<start + 7), "http://") {
        return start + 7
    }
    if range.count >= 8, equalIgnoringCase(head.extracting(start..<start + 8), "https://") {
        return start + 8
    }
    throw .malformedTarget
}

/// Whether `range` is `host[:port]` (RFC 9110 §7.2, RFC 3986 §3.2.2). An empty host is refused, as
/// RFC 9110 §4.2.1 wants; so is a port above 65535.
func isAuthority(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var at = range.lowerBound
    let end = range.upperBound
    guard at < end else { return false }
    if bytes[at] == 0x5B {
        at += 1
        let start = at
        while at < end, bytes[at] != 0x5D {
            // Hexadecimal digits, ':' and '.': the addresses of RFC 4291 §2.2, whose value is not
            // looked at. IPvFuture has never been used.
            let isAddress = bytes[at].hexDigitValue != nil || bytes[at] == 0x3A || bytes[at] == 0x2E
            guard isAddress else { return false }
            at += 1
        }
        guard at < end, at > start else { return false }
        at += 1
    } else {
        let start = at
        while at < end, bytes[at] != 0x3A {
            guard isRegisteredNameByte(bytes, at, end) else { return false }
            at += 1
        }
        guard at > start else { return false }
    }
    return at == end || (bytes[at] == 0x3A && isPort(bytes, at + 1..<end))
}

/// Unreserved, sub-delims, or the `%` of a whole `%XX` (RFC 3986 §3.2.2).
private func isRegisteredNameByte(_ bytes: Span<UInt8>, _ at: Int, _ end: Int) -> Bool {
    let byte = bytes[at]
    if byte.isLetter || byte.isDigit { return true }
    switch byte {
    case 0x2D, 0x2E, 0x5F, 0x7E: return true  // - . _ ~
    case 0x21, 0x24, 0x26...0x2C, 0x3B, 0x3D: return true  // ! $ & ' ( ) * + , ; =
    case 0x25:
        return end - at > 2 && bytes[at + 1].hexDigitValue != nil
            && bytes[at + 2].hexDigitValue != nil
    default: return false
    }
}

/// RFC 3986 §3.2.3: digits, and there may be none.
private func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard range.count <= 5 else { return false }
    var port = 0
    for at in range {
        guard bytes[at].isDigit else { return false }
        port = port * 10 + Int(bytes[at] - 0x30)
    }
    return port <= 65_535
}
