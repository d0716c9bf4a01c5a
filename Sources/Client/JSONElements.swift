// The elements of a JSON array, each verbatim: what Wire's flat view of an object leaves out.

/// Splits an array into the ranges of its elements.
///
/// - Parameters:
///   - bytes: a text that passed Wire's JSON parser, which this relies upon.
///   - array: the range of one array in it, brackets included.
func jsonElements(_ bytes: [UInt8], in array: Range<Int>) -> [Range<Int>] {
    var elements: [Range<Int>] = []
    var at = array.lowerBound + 1
    let end = array.upperBound - 1
    var start = at
    var depth = 0
    while at < end {
        switch bytes[at] {
        case UInt8(ascii: "\""): at = lastOfString(bytes, from: at)
        case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
        case UInt8(ascii: ",") where depth == 0:
            elements.append(start..<at)
            start = at + 1
        case _: break
        }
        at += 1
    }
    // What an empty array holds is white space at most.
    if !elements.isEmpty || bytes[start..<end].contains(where: { $0 > 0x20 }) {
        elements.append(start..<end)
    }
    return elements
}

/// The offset of the closing quotation mark of the string that opens at `start`.
private func lastOfString(_ bytes: [UInt8], from start: Int) -> Int {
    var at = start + 1
    while bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
    return at
}
