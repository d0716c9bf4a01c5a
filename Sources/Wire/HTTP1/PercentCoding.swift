// Percent-encoding (RFC 3986 §2.1), and the form that queries have (WHATWG URL §5.1).

/// One `name=value` of a query, decoded. Bytes, since nothing says that they are UTF-8.
package struct QueryItem: Sendable, Equatable {
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// Decodes `%XX` in `range`.
///
/// - Parameter plusIsSpace: whether `+` stands for a space, as it does in queries and only there.
/// - Throws: ``HTTP1Error/malformedPercentEncoding``. Letting such a `%` stand for itself, as
///   browsers do, would make two spellings of a channel's name out of one.
func percentDecoded(
    _ bytes: Span<UInt8>, _ range: Range<Int>, plusIsSpace: Bool
) throws(HTTP1Error) -> [UInt8] {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(range.count)
    var at = range.lowerBound
    while at < range.upperBound {
        let byte = bytes[at]
        at += 1
        guard byte == 0x25 else {
            decoded.append(byte == 0x2B && plusIsSpace ? .space : byte)
            continue
        }
        guard range.upperBound - at >= 2, let high = bytes[at].hexDigitValue,
            let low = bytes[at + 1].hexDigitValue
        else { throw .malformedPercentEncoding }
        decoded.append(high << 4 | low)
        at += 2
    }
    return decoded
}

/// Splits `range` at raw `/`, then decodes each part, so that `%2F` stays within its segment.
///
/// - Parameter range: begins behind the path's first `/`.
func decodedSegments(
    _ bytes: Span<UInt8>, _ range: Range<Int>
) throws(HTTP1Error) -> [[UInt8]] {
    var segments: [[UInt8]] = []
    var at = range.lowerBound
    while true {
        let start = at
        while at < range.upperBound, bytes[at] != 0x2F { at += 1 }
        segments.append(try percentDecoded(bytes, start..<at, plusIsSpace: false))
        guard at < range.upperBound else { return segments }
        at += 1
    }
}

/// The items between `&`, empty ones skipped; an item without `=` has an empty value. Their number
/// is bounded by the length of the target.
func decodedQuery(
    _ bytes: Span<UInt8>, _ range: Range<Int>
) throws(HTTP1Error) -> [QueryItem] {
    var items: [QueryItem] = []
    var at = range.lowerBound
    while at < range.upperBound {
        let start = at
        while at < range.upperBound, bytes[at] != 0x26 { at += 1 }
        let end = at
        at += 1
        guard end > start else { continue }
        var equals = start
        while equals < end, bytes[equals] != 0x3D { equals += 1 }
        items.append(
            QueryItem(
                name: try percentDecoded(bytes, start..<equals, plusIsSpace: true),
                value: try percentDecoded(bytes, min(equals + 1, end)..<end, plusIsSpace: true)))
    }
    return items
}
