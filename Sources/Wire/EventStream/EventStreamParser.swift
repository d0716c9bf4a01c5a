// Reads an event stream as a browser does (WHATWG HTML §9.2.6). For our own command line client and
// for tests; the gateway itself only writes streams.

import Bytes

/// One event as a client sees it. The bytes are as they came: whether they are UTF-8 is not
/// checked.
package struct ServerSentEvent: Equatable, Sendable {
    /// The last event id of the stream: this event's, or an earlier one's, or empty.
    package var id: [UInt8]
    /// `message` when the event gave none.
    package var type: [UInt8]
    /// Lines joined by LF.
    package var data: [UInt8]

    package init(id: [UInt8], type: [UInt8], data: [UInt8]) {
        self.id = id
        self.type = type
        self.data = data
    }
}

/// Why a stream cannot be read on.
package enum EventStreamError: Error, Equatable, Sendable {
    /// More bytes in one event, or in one line, than the reader allows.
    case eventTooLong(eventBytesMax: Int)

    /// One sentence for the user.
    package var detail: String {
        switch self {
        case .eventTooLong(let eventBytesMax):
            "an event of the stream is longer than \(eventBytesMax) bytes"
        }
    }
}

/// A reader fed with whatever arrives, split anywhere.
///
/// An event is given at its blank line. One that is not ended when the stream ends is dropped, as
/// the standard wants. After an error the parser must not be fed again.
package struct EventStreamParser {
    /// Bytes of one event, counted over its line in work, its data and its type.
    package let eventBytesMax: Int
    /// The last `retry` field.
    package private(set) var retryMilliseconds: UInt64?
    /// The id of the last ended event that had one: what to send as `Last-Event-ID`.
    package private(set) var lastEventID: [UInt8] = []

    private var pendingLine: [UInt8] = []
    private var isFirstLine = true
    private var afterCR = false
    private var idBuffer: [UInt8] = []
    private var type: [UInt8] = []
    private var data: [UInt8] = []

    package init(eventBytesMax: Int) {
        precondition(eventBytesMax > 0, "eventBytesMax \(eventBytesMax)")
        self.eventBytesMax = eventBytesMax
    }

    /// Reads `bytes` and appends the events that they end.
    package mutating func feed(
        _ bytes: Span<UInt8>, into events: inout [ServerSentEvent]
    ) throws(EventStreamError) {
        var at = 0
        // The LF of a CRLF whose CR has ended the line already, perhaps in an earlier read.
        if afterCR, bytes.count > 0 {
            if bytes[0] == 0x0A { at = 1 }
            afterCR = false
        }
        var breaks = LineBreaks(in: bytes)
        while let end = breaks.next(in: bytes, from: at) {
            try takeLine(bytes.extracting(at..<end), into: &events)
            at = end + 1
            guard bytes[end] == 0x0D else { continue }
            if at == bytes.count { afterCR = true } else if bytes[at] == 0x0A { at += 1 }
        }
        try require(pendingLine.count + bytes.count - at)
        append(bytes.extracting(at..<bytes.count), to: &pendingLine)
    }

    private func require(_ lineBytes: Int) throws(EventStreamError) {
        guard data.count + type.count + lineBytes <= eventBytesMax else {
            throw .eventTooLong(eventBytesMax: eventBytesMax)
        }
    }

    private mutating func takeLine(
        _ rest: Span<UInt8>, into events: inout [ServerSentEvent]
    ) throws(EventStreamError) {
        try require(pendingLine.count + rest.count)
        if pendingLine.isEmpty {
            process(rest, into: &events)
        } else {
            append(rest, to: &pendingLine)
            var line: [UInt8] = []
            swap(&line, &pendingLine)
            process(line.span, into: &events)
            line.removeAll(keepingCapacity: true)
            swap(&line, &pendingLine)
        }
    }

    private mutating func process(_ line: Span<UInt8>, into events: inout [ServerSentEvent]) {
        var start = 0
        if isFirstLine {
            isFirstLine = false
            if line.count >= 3, line[0] == 0xEF, line[1] == 0xBB, line[2] == 0xBF { start = 3 }
        }
        guard start < line.count else { return dispatch(into: &events) }
        guard let colon = firstIndex(of: UInt8(ascii: ":"), in: line, from: start) else {
            return field(line.extracting(start..<line.count), line.extracting(0..<0))
        }
        var value = colon + 1
        if value < line.count, line[value] == 0x20 { value += 1 }
        field(line.extracting(start..<colon), line.extracting(value..<line.count))
    }

    /// An empty name is a comment's; names not known are ignored.
    private mutating func field(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        if equal(name, "data") {
            append(value, to: &data)
            data.append(0x0A)
        } else if equal(name, "event") {
            type = array(value)
        } else if equal(name, "id") {
            if firstIndex(of: 0, in: value, from: 0) == nil { idBuffer = array(value) }
        } else if equal(name, "retry") {
            if let milliseconds = milliseconds(value) { retryMilliseconds = milliseconds }
        }
    }

    private mutating func dispatch(into events: inout [ServerSentEvent]) {
        lastEventID = idBuffer
        defer {
            type.removeAll(keepingCapacity: true)
            data.removeAll(keepingCapacity: true)
        }
        guard !data.isEmpty else { return }
        data.removeLast()
        let type = self.type.isEmpty ? Array("message".utf8) : self.type
        events.append(ServerSentEvent(id: lastEventID, type: type, data: data))
    }

    /// Digits only, leading zeros allowed; a value past 64 bits is as good as none.
    private func milliseconds(_ digits: Span<UInt8>) -> UInt64? {
        var start = 0
        while start < digits.count - 1, digits[start] == UInt8(ascii: "0") { start += 1 }
        return decodeDecimal(digits.extracting(start..<digits.count))
    }
}
