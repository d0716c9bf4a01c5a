// Writes an event stream (WHATWG HTML §9.2). Its reader is EventStreamParser.swift.

package import Bytes

/// The encoders of `text/event-stream`.
///
/// ```
/// id: EPOCH-SEQUENCE
/// event: NAME
/// data: one line of the data
/// data: the next
/// (blank line)
/// ```
package enum ServerSentEvents {
    /// Bytes of an event's name.
    package static let eventNameBytesMax = 255

    /// Whether `name` may be written as an event's type: 1...255 bytes of UTF-8 without CR, LF and
    /// NUL, any of which would forge a field.
    package static func isValidEventName(_ name: Span<UInt8>) -> Bool {
        guard name.count >= 1, name.count <= eventNameBytesMax else { return false }
        for index in name.indices {
            if name[index] == 0 || name[index] == 0x0A || name[index] == 0x0D { return false }
        }
        return (try? UTF8Span(validating: name)) != nil
    }

    /// Appends one event: `id`, `event` and `data` in this order, then a blank line.
    ///
    /// - Parameters:
    ///   - id: what the client sends back as `Last-Event-ID`.
    ///   - event: a name that passed ``isValidEventName(_:)``.
    ///   - data: valid UTF-8; a line of the stream for each of its lines, ended by CR, LF or CRLF,
    ///     which the client reads back as LF. Empty data is one empty line.
    package static func append(
        id: (epoch: [UInt8], sequence: UInt64)?, event: [UInt8]?, data: Span<UInt8>,
        to buffer: ByteBuffer
    ) {
        if let id {
            buffer.append("id: ")
            buffer.append(id.epoch)
            buffer.append(UInt8(ascii: "-"))
            buffer.append(decimal: id.sequence)
            buffer.append(UInt8(ascii: "\n"))
        }
        if let event {
            buffer.append("event: ")
            buffer.append(event)
            buffer.append(UInt8(ascii: "\n"))
        }
        appendLines(of: data, to: buffer)
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Appends a comment, which a client ignores: a heartbeat, or a remark for whoever reads along.
    ///
    /// - Parameter comment: text without CR and LF; may be empty.
    package static func append(comment: StaticString, to buffer: ByteBuffer) {
        buffer.append(": ")
        buffer.append(comment)
        buffer.append("\n\n")
    }

    /// Appends how long a client waits before it connects again.
    package static func append(retryMilliseconds: UInt64, to buffer: ByteBuffer) {
        buffer.append("retry: ")
        buffer.append(decimal: retryMilliseconds)
        buffer.append("\n\n")
    }

    private static func appendLines(of data: Span<UInt8>, to buffer: ByteBuffer) {
        buffer.reserve(data.count + 16)
        var breaks = LineBreaks(in: data)
        var at = 0
        while let end = breaks.next(in: data, from: at) {
            appendLine(data.extracting(at..<end), to: buffer)
            at = end + 1
            if data[end] == 0x0D, at < data.count, data[at] == 0x0A { at += 1 }
        }
        appendLine(data.extracting(at..<data.count), to: buffer)
    }

    private static func appendLine(_ line: Span<UInt8>, to buffer: ByteBuffer) {
        // The space is what a reader strips; without it a line's own first space would be lost.
        if line.isEmpty { return buffer.append("data:\n") }
        buffer.append("data: ")
        buffer.append(line)
        buffer.append(UInt8(ascii: "\n"))
    }
}
