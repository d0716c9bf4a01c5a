// Standard input and output of the command line client, without buffers of their own: what was
// received is out when the process is interrupted.

private import Bytes
private import Glibc
private import Wire

/// Reads all of a descriptor.
///
/// - Throws: ``ClientError/inputTooLarge(limit:)`` beyond `bytesMax` bytes.
package func readAll(_ descriptor: Int32 = 0, bytesMax: Int) throws(ClientError) -> [UInt8] {
    var all: [UInt8] = []
    while let chunk = try readSome(descriptor) {
        all += chunk
        guard all.count <= bytesMax else { throw .inputTooLarge(limit: bytesMax) }
    }
    return all
}

/// Reads a descriptor line by line, and gives each line as soon as it has come. Lines end with LF
/// or CRLF; empty ones are left out.
///
/// - Parameter lineBytesMax: of one line, its end not counted.
package func readLines(
    _ descriptor: Int32 = 0, lineBytesMax: Int, _ body: ([UInt8]) throws(ClientError) -> Void
) throws(ClientError) {
    var splitter = LineSplitter(lineBytesMax: lineBytesMax)
    var isAtEnd = false
    while !isAtEnd {
        var lines: [[UInt8]] = []
        var isTooLong = false
        let chunk = try readSome(descriptor)
        do throws(LineSplitterError) {
            if let chunk {
                try splitter.feed(chunk.span) { line, _ in lines.append(array(line)) }
            } else {
                isAtEnd = true
                try splitter.finish { line, _ in lines.append(array(line)) }
            }
        } catch {
            isTooLong = true
        }
        for line in lines { try body(line) }
        if isTooLong { throw .inputTooLarge(limit: lineBytesMax) }
    }
}

/// - Returns: 1 to 65536 bytes; nil at the end.
private func readSome(_ descriptor: Int32) throws(ClientError) -> [UInt8]? {
    while true {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            let got = read(descriptor, buffer.baseAddress, buffer.count)
            if got < 0 { code = errno }
            count = max(got, 0)
        }
        if code == 0 { return bytes.isEmpty ? nil : bytes }
        guard code == EINTR else { throw .inputUnreadable(reason: String(cString: strerror(code))) }
    }
}

/// Writes all of `bytes`.
///
/// - Returns: whether they could be written.
package func writeAll(_ descriptor: Int32 = 1, _ bytes: [UInt8]) -> Bool {
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBufferPointer { buffer in
            write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        }
        if count >= 0 {
            written += count
        } else if errno != EINTR {
            return false
        }
    }
    return true
}
