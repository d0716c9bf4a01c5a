// Finds where a head ends, as its bytes arrive. It refuses what can be seen byte by byte; what the
// lines say is RequestHead's and ResponseHead's business.

private import Bytes

/// Looks for the end of one head; a new one (or ``reset()``) for each head.
///
/// The caller keeps what it has of a head and gives it again, longer, until the end is found. Each
/// byte is looked at once, whatever the pieces, so a head sent byte by byte costs no more.
package struct HTTP1HeadScanner: Sendable {
    private let limits: HTTP1Limits
    /// Bytes before this offset have been looked at. It may rest on a CR whose LF is yet to come.
    private var position = 0
    private var lineStart = 0
    private var emptyLineCount = 0
    private var isWithinFirstLine = true

    package init(limits: HTTP1Limits) { self.limits = limits }

    /// Makes ready for the next head on the connection.
    package mutating func reset() { self = HTTP1HeadScanner(limits: limits) }

    /// Goes on looking.
    ///
    /// - Parameter bytes: everything since the head began: what was given before, and more. What
    ///   follows the head (a body, the next request) may be there too and is not looked at.
    /// - Returns: the offset just past the empty line that ends the head; `nil` if it is not there
    ///   yet. Empty lines before the start line count as part of the head (RFC 9112 §2.2).
    /// - Throws: ``HTTP1Error/bareLineFeed``, ``HTTP1Error/bareCarriageReturn``,
    ///   ``HTTP1Error/controlByte(_:)`` (a TLS hello on a plain port, say) as soon as they are
    ///   seen; the limits of the head.
    package mutating func scan(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Int? {
        precondition(bytes.count >= position, "\(bytes.count) bytes, \(position) before")
        while true {
            position = firstControl(in: bytes, from: position)
            guard position < bytes.count else { break }
            let byte = bytes[position]
            if byte == .tab {
                position += 1
                continue
            }
            guard byte == .carriageReturn else {
                throw byte == .lineFeed ? .bareLineFeed : .controlByte(byte)
            }
            guard position + 1 < bytes.count else { break }
            guard bytes[position + 1] == .lineFeed else { throw .bareCarriageReturn }
            let isEmptyLine = position == lineStart
            position += 2
            try checkLimit(position)
            lineStart = position
            if !isEmptyLine {
                isWithinFirstLine = false
            } else if isWithinFirstLine {
                try countEmptyLine()
            } else {
                return position
            }
        }
        try checkLimit(bytes.count)
        return nil
    }

    private mutating func countEmptyLine() throws(HTTP1Error) {
        emptyLineCount += 1
        guard emptyLineCount <= limits.emptyLineCountMax else {
            throw .tooManyEmptyLines(limit: limits.emptyLineCountMax, measured: emptyLineCount)
        }
    }

    /// - Parameter count: bytes of the head so far.
    private func checkLimit(_ count: Int) throws(HTTP1Error) {
        guard count > limits.headBytesMax else { return }
        throw isWithinFirstLine
            ? .requestLineTooLong(limit: limits.headBytesMax, measured: count)
            : .headTooLarge(limit: limits.headBytesMax, measured: count)
    }
}
