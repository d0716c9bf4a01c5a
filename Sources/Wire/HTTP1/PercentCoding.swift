// Percent-encoding (RFC 3986 §2.1), and the form that queries have (WHATWG URL §5.1).

private import Bytes

/// One `name=value` of a query, decoded. Bytes, since nothing says that they are UTF-8.
package struct QueryItem: Sendable, Equatable {
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// Throws ``HTTP1Error/malformedPercentEncoding`` unless each `%` in `range` begins a `%XX`. Letting
/// another stand for itself, as browsers do, would make two spellings of a channel's name out of
/// one.
func checkEscapes(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTP1Error) {
    let text = bytes.extracting(range)
    var at = 0
    while let escape = firstIndex(of: 0x25, in: text, from: at) {
        guard text.count - escape > 2, text[escape + 1].hexDigitValue != nil,
            text[escape + 2].hexDigitValue != nil
        else { throw .malformedPercentEncoding }
        at = escape + 3
    }
}

/// Up to so many bytes are decoded on the stack.
private let stackBytesMax = 256

/// Gives `range`, with `%XX` decoded, to `body`.
///
/// - Parameters:
///   - range: has passed ``checkEscapes(_:_:)``, or is part of what has, cut at no `%XX`.
///   - plusIsSpace: whether `+` stands for a space, as it does in queries and only there.
func withPercentDecoded(
    _ bytes: Span<UInt8>, _ range: Range<Int>, plusIsSpace: Bool, _ body: (Span<UInt8>) -> Void
) {
    guard range.count <= stackBytesMax else {
        var long: [UInt8] = []
        long.reserveCapacity(range.count)
        decodePercent(bytes, range, plusIsSpace) { long.append($0) }
        body(long.span)
        return
    }
    var short = InlineArray<256, UInt8>(repeating: 0)
    var count = 0
    decodePercent(bytes, range, plusIsSpace) { byte in
        short[count] = byte
        count += 1
    }
    body(short.span.extracting(0..<count))
}

private func decodePercent(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ plusIsSpace: Bool, _ body: (UInt8) -> Void
) {
    var at = range.lowerBound
    while at < range.upperBound {
        let byte = bytes[at]
        if byte == 0x25, let high = bytes[at + 1].hexDigitValue,
            let low = bytes[at + 2].hexDigitValue
        {
            body(high << 4 | low)
            at += 3
        } else {
            body(byte == 0x2B && plusIsSpace ? .space : byte)
            at += 1
        }
    }
}

/// Where the items of a query lie: those between `&`, empty ones skipped; an item without `=` has
/// an empty value. Their number is bounded by the length of the target.
struct QueryPlaces {
    private var at: Int
    private let end: Int

    init(_ query: Range<Int>?) {
        at = query?.lowerBound ?? 0
        end = query?.upperBound ?? 0
    }

    mutating func next(in bytes: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        while at < end {
            let start = at
            while at < end, bytes[at] != 0x26 { at += 1 }
            let itemEnd = at
            at += 1
            guard itemEnd > start else { continue }
            var equals = start
            while equals < itemEnd, bytes[equals] != 0x3D { equals += 1 }
            return (start..<equals, min(equals + 1, itemEnd)..<itemEnd)
        }
        return nil
    }
}
