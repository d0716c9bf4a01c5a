// Splits newline-delimited JSON into its lines. What a line holds is not looked at here.

import Bytes

/// Why a text cannot be split on.
package enum LineSplitterError: Error, Equatable, Sendable {
    /// A line with more bytes than the reader allows; lines are counted from 1.
    case lineTooLong(number: Int, lineBytesMax: Int)

    /// One sentence for whoever sent the text.
    package var detail: String {
        switch self {
        case .lineTooLong(let number, let lineBytesMax):
            "line \(number) is longer than \(lineBytesMax) bytes"
        }
    }
}

/// A splitter fed with whatever arrives, split anywhere. Lines end with LF or CRLF; empty ones are
/// counted but not given. After an error the splitter must not be fed again.
package struct LineSplitter {
    /// Bytes of one line, its end not counted.
    package let lineBytesMax: Int
    /// Lines ended so far, empty ones included.
    package private(set) var linesEnded = 0
    private var pending: [UInt8] = []

    package init(lineBytesMax: Int) {
        precondition(lineBytesMax > 0, "lineBytesMax \(lineBytesMax)")
        self.lineBytesMax = lineBytesMax
    }

    /// Reads `bytes` and gives each line that they end.
    ///
    /// - Parameter body: gets a line without its end, 1...`lineBytesMax` bytes, and its number,
    ///   counted from 1.
    package mutating func feed(
        _ bytes: Span<UInt8>, _ body: (_ line: Span<UInt8>, _ number: Int) -> Void
    ) throws(LineSplitterError) {
        var at = 0
        while let end = firstIndex(of: 0x0A, in: bytes, from: at) {
            try takeLine(bytes.extracting(at..<end), body)
            at = end + 1
        }
        let rest = bytes.extracting(at..<bytes.count)
        // One byte more may wait: it may be the CR of a line's end.
        let waiting = pending.count + rest.count
        let last = rest.isEmpty ? pending.last : rest[rest.count - 1]
        guard waiting - (last == 0x0D ? 1 : 0) <= lineBytesMax else { throw tooLong() }
        append(rest, to: &pending)
    }

    /// Gives the last line if the text did not end with LF. The splitter may then begin a new text.
    package mutating func finish(
        _ body: (_ line: Span<UInt8>, _ number: Int) -> Void
    ) throws(LineSplitterError) {
        defer { linesEnded = 0 }
        guard !pending.isEmpty else { return }
        let none: [UInt8] = []
        try takeLine(none.span, body)
    }

    private mutating func takeLine(
        _ rest: Span<UInt8>, _ body: (_ line: Span<UInt8>, _ number: Int) -> Void
    ) throws(LineSplitterError) {
        if pending.isEmpty {
            try give(rest, body)
        } else {
            var line: [UInt8] = []
            swap(&line, &pending)
            append(rest, to: &line)
            try give(line.span, body)
            line.removeAll(keepingCapacity: true)
            swap(&line, &pending)
        }
    }

    private mutating func give(
        _ line: Span<UInt8>, _ body: (_ line: Span<UInt8>, _ number: Int) -> Void
    ) throws(LineSplitterError) {
        let endsWithCR = line.count > 0 && line[line.count - 1] == 0x0D
        let count = endsWithCR ? line.count - 1 : line.count
        guard count <= lineBytesMax else { throw tooLong() }
        linesEnded += 1
        if count > 0 { body(line.extracting(0..<count), linesEnded) }
    }

    private func tooLong() -> LineSplitterError {
        .lineTooLong(number: linesEnded + 1, lineBytesMax: lineBytesMax)
    }
}
