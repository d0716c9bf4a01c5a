// The field lines of a head: split and checked once, then looked up in place. Shared by requests
// and responses; what single fields mean stands with those.

private import Bytes

/// A head's bytes and where its fields lie in them. Two arrays, whatever the number of fields.
struct HeadFields: Sendable {
    /// Offsets into the head. Of 32 bits, since no head is larger than a MiB.
    private struct Line {
        let nameStart: UInt32
        let nameEnd: UInt32
        let valueStart: UInt32
        let valueEnd: UInt32

        var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    }

    /// The whole head, start line included.
    private(set) var bytes: [UInt8] = []
    private var lines: [Line] = []

    var count: Int { lines.count }

    /// Bytes that its arrays have room for.
    var capacity: Int { bytes.capacity + lines.capacity * MemoryLayout<Line>.stride }

    /// None; for ``init(_:from:limits:reusing:)``.
    init() {}

    /// Splits the field lines from `start` on.
    ///
    /// - Parameters:
    ///   - head: one whole head, up to and with its empty line; nothing behind it.
    ///   - start: just past the CRLF of the start line.
    ///   - spare: fields that are done with; their memory is used, and they are empty afterwards.
    init(
        _ head: Span<UInt8>, from start: Int, limits: HTTP1Limits, reusing spare: inout HeadFields
    ) throws(HTTP1Error) {
        swap(&self, &spare)
        bytes.removeAll(keepingCapacity: true)
        append(head, to: &bytes)
        lines.removeAll(keepingCapacity: true)
        lines.reserveCapacity(16)
        var at = start
        while true {
            guard at < head.count else { throw .headIncomplete }
            if head[at] == .carriageReturn { break }
            guard lines.count < limits.fieldCountMax else {
                throw .tooManyFields(limit: limits.fieldCountMax, measured: lines.count + 1)
            }
            at = try appendLine(head, from: at)
        }
        guard at + 1 < head.count else { throw .headIncomplete }
        guard head[at + 1] == .lineFeed else { throw .bareCarriageReturn }
        guard at + 2 == head.count else { throw .headIncomplete }
    }

    /// - Returns: where the next line begins.
    private mutating func appendLine(
        _ head: Span<UInt8>, from start: Int
    ) throws(HTTP1Error) -> Int {
        if head[start].isBlank {
            throw lines.isEmpty ? .whitespaceBeforeFields : .obsoleteLineFolding
        }
        var colon = start
        while colon < head.count, head[colon].isToken { colon += 1 }
        guard colon < head.count else { throw .headIncomplete }
        guard head[colon] == 0x3A else { throw faultInName(head, from: start, at: colon) }
        guard colon > start else { throw .emptyFieldName }
        let end = try endOfLine(in: head, from: colon + 1)
        let value = trimmingBlanks(head, colon + 1..<end)
        lines.append(
            Line(
                nameStart: UInt32(start), nameEnd: UInt32(colon),
                valueStart: UInt32(value.lowerBound), valueEnd: UInt32(value.upperBound)))
        return end + 2
    }

    /// Tells the ways apart in which a name can fail to reach its colon.
    private func faultInName(_ head: Span<UInt8>, from start: Int, at: Int) -> HTTP1Error {
        let byte = head[at]
        if byte == .lineFeed { return .bareLineFeed }
        if byte == .carriageReturn {
            let endsLine = at + 1 < head.count && head[at + 1] == .lineFeed
            return endsLine ? .missingColon : .bareCarriageReturn
        }
        if byte.isForbiddenControl { return .controlByte(byte) }
        var next = at
        while next < head.count, head[next].isBlank { next += 1 }
        let isSpaced = next > at && next < head.count && head[next] == 0x3A
        return isSpaced ? .spaceBeforeColon : .fieldNameByte(byte)
    }

    // MARK: Looking up

    /// The index of the first line named `name` at or after `start`, or `nil`.
    func index(of name: StaticString, from start: Int = 0) -> Int? {
        let wanted = name.utf8CodeUnitCount
        let span = bytes.span
        for index in start..<lines.count {
            let line = lines[index]
            let range = Int(line.nameStart)..<Int(line.nameEnd)
            // Lengths first: of a head's names, most differ in that already.
            if range.count == wanted, equalIgnoringCase(span.extracting(range), name) {
                return index
            }
        }
        return nil
    }

    /// Where the value of line `index` lies in ``bytes``, blanks trimmed.
    func value(at index: Int) -> Range<Int> { lines[index].value }

    /// Gives the value of the first line named `name` to `body`.
    ///
    /// - Returns: whether there is such a line.
    func withFirst(_ name: StaticString, _ body: (Span<UInt8>) -> Void) -> Bool {
        guard let index = index(of: name) else { return false }
        body(bytes.span.extracting(value(at: index)))
        return true
    }

    /// The bytes of `range` as text. What is not UTF-8 (obs-text, RFC 9110 §5.5) is repaired.
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// The value of the first line named `name`.
    func first(_ name: StaticString) -> String? {
        guard let index = index(of: name) else { return nil }
        return text(value(at: index))
    }

    /// The values of all lines named `name`, in order.
    func values(_ name: StaticString) -> [String] {
        var found: [String] = []
        var next = index(of: name)
        while let index = next {
            found.append(text(value(at: index)))
            next = self.index(of: name, from: index + 1)
        }
        return found
    }
}
