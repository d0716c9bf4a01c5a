// Fields whose value is a comma list (RFC 9110 §5.6.1), read in place: nothing here allocates.

private import Bytes

extension HeadFields {
    /// Whether an element of the lists in all lines named `name` is `token`, case ignored. The
    /// whole element counts, parameters too.
    func listContains(_ name: StaticString, token: StaticString) -> Bool {
        let span = bytes.span
        var next = index(of: name)
        while let index = next {
            let value = value(at: index)
            var at = value.lowerBound
            while let element = nextElement(in: span, from: &at, to: value.upperBound) {
                if equalIgnoringCase(span.extracting(element), token) { return true }
            }
            next = self.index(of: name, from: index + 1)
        }
        return false
    }

    /// Whether Accept lists `mediaType` by its name (not by a wildcard) with a weight above 0.
    /// RFC 9110 §12.5.1.
    func accepts(_ mediaType: StaticString) -> Bool {
        let span = bytes.span
        var next = index(of: "accept")
        while let index = next {
            let value = value(at: index)
            var at = value.lowerBound
            while let element = nextElement(in: span, from: &at, to: value.upperBound) {
                if names(span, element, mediaType) { return true }
            }
            next = self.index(of: "accept", from: index + 1)
        }
        return false
    }

    private func names(_ span: Span<UInt8>, _ element: Range<Int>, _ type: StaticString) -> Bool {
        var at = element.lowerBound
        guard
            let name = nextPart(in: span, from: &at, to: element.upperBound, separator: 0x3B),
            equalIgnoringCase(span.extracting(name), type)
        else { return false }
        while let part = nextPart(in: span, from: &at, to: element.upperBound, separator: 0x3B) {
            if isZeroWeight(span, part) { return false }
        }
        return true
    }
}

/// The next element of a comma list, blanks trimmed; empty ones are skipped (RFC 9110 §5.6.1.2).
///
/// - Parameter at: where to begin; afterwards where the next call begins.
func nextElement(in bytes: Span<UInt8>, from at: inout Int, to end: Int) -> Range<Int>? {
    nextPart(in: bytes, from: &at, to: end, separator: 0x2C)
}

/// The next part that is not empty, between separators that do not lie in a quoted string
/// (RFC 9110 §5.6.4).
private func nextPart(
    in bytes: Span<UInt8>, from at: inout Int, to end: Int, separator: UInt8
) -> Range<Int>? {
    while at < end {
        let start = at
        at = endOfPart(in: bytes, from: start, to: end, separator: separator)
        let part = trimmingBlanks(bytes, start..<at)
        if at < end { at += 1 }
        if !part.isEmpty { return part }
    }
    return nil
}

private func endOfPart(in bytes: Span<UInt8>, from start: Int, to end: Int, separator: UInt8) -> Int
{
    var isQuoted = false
    var at = start
    while at < end {
        let byte = bytes[at]
        if byte == 0x22 {
            isQuoted.toggle()
        } else if byte == 0x5C, isQuoted {
            at += 1
        } else if byte == separator, !isQuoted {
            return at
        }
        at += 1
    }
    return end
}

/// Whether `part` is `q=0`, `q=0.` or `q=0.000` (RFC 9110 §12.4.2).
private func isZeroWeight(_ bytes: Span<UInt8>, _ part: Range<Int>) -> Bool {
    guard part.count >= 3, bytes[part.lowerBound] | 0x20 == 0x71,
        bytes[part.lowerBound + 1] == 0x3D
    else { return false }
    for at in part.lowerBound + 2..<part.upperBound where bytes[at] != 0x30 && bytes[at] != 0x2E {
        return false
    }
    return true
}
