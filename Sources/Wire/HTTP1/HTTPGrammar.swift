// The few byte classes and line rules that every part of HTTP/1.1 shares (RFC 9110 §5.6).

private import Bytes

extension UInt8 {
    static let carriageReturn: UInt8 = 0x0D
    static let lineFeed: UInt8 = 0x0A
    static let tab: UInt8 = 0x09
    static let space: UInt8 = 0x20

    var isDigit: Bool { self &- 0x30 < 10 }

    var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// Space or tab, the bytes of OWS (RFC 9110 §5.6.3).
    var isBlank: Bool { self == .space || self == .tab }

    /// A control byte other than tab: never part of a line (RFC 9110 §5.5).
    var isForbiddenControl: Bool { (self < 0x20 && self != .tab) || self == 0x7F }

    /// `tchar` of RFC 9110 §5.6.2.
    var isToken: Bool {
        // One bit per ASCII character: a table that needs no memory.
        let bits: UInt64 = self < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return self < 128 && bits >> UInt64(self & 63) & 1 == 1
    }

    /// The value of a hexadecimal digit of either case, 0 to 15.
    var hexDigitValue: UInt8? {
        if isDigit { return self - 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}

/// The offset of the CR of the CRLF that ends the line which `start` lies in.
///
/// - Throws: the control byte that stands before it; ``HTTP1Error/headIncomplete`` if no line ends.
func endOfLine(in head: Span<UInt8>, from start: Int) throws(HTTP1Error) -> Int {
    var at = start
    while true {
        at = firstControl(in: head, from: at)
        guard at < head.count else { throw .headIncomplete }
        switch head[at] {
        case .tab: at += 1
        case .carriageReturn:
            guard at + 1 < head.count else { throw .headIncomplete }
            guard head[at + 1] == .lineFeed else { throw .bareCarriageReturn }
            return at
        case .lineFeed: throw .bareLineFeed
        default: throw .controlByte(head[at])
        }
    }
}

/// `range` without the blanks at its ends (RFC 9110 §5.6.3).
func trimmingBlanks(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, bytes[start].isBlank { start += 1 }
    while end > start, bytes[end - 1].isBlank { end -= 1 }
    return start..<end
}
