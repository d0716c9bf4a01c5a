// Compression of whole WebSocket messages: RFC 7692 §7.2.1, without context takeover.

package import Bytes
import CZlib

/// Compresses messages, each on its own, so that one result serves every subscriber.
///
/// One instance per loop and window size; not `Sendable`. Holds 2^(windowBits+2) + 2^(memLevel+9)
/// bytes and a few KiB for its life.
package final class Deflater {
    // Chosen by processor time a message, JSON, zlib 1.2.13, x86-64:
    //
    //     level, memLevel   123 bytes         1,024 bytes       65,561 bytes
    //     1, 5              105 in 3.6 µs     306 in 5.6 µs     16,938 in 0.29 ms
    //     4, 5              105 in 3.7 µs     290 in 7.0 µs     14,839 in 0.60 ms
    //     5, 5              105 in 3.7 µs     288 in 7.4 µs     14,228 in 0.79 ms
    //     6, 5              105 in 3.7 µs     288 in 7.5 µs     14,043 in 1.17 ms
    //     5, 8              105 in 4.2 µs     288 in 7.7 µs     14,231 in 0.75 ms
    //
    // A small message costs what its Huffman codes cost, whatever the level; so level 5 is as small
    // as 6 there, and holds the loop up a third less over a big one. A higher memLevel only clears a
    // larger hash table for each message.
    package static let levelDefault = 5
    package static let memLevelDefault = 5

    // zlib's state points back at the stream, so the stream keeps one address for its life. Only
    // this object has it, and frees it last.
    private let stream: UnsafeMutablePointer<z_stream>

    package init(
        windowBits: Int, level: Int = levelDefault, memLevel: Int = memLevelDefault
    ) {
        precondition((9...15).contains(windowBits), "a window of 2^\(windowBits) bytes")
        precondition((1...9).contains(level), "level \(level)")
        precondition((1...9).contains(memLevel), "memLevel \(memLevel)")
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = carillon_deflate_init(
            stream, CInt(level), CInt(windowBits), CInt(memLevel))
        guard result == Z_OK else { fatalError("deflateInit2 failed: \(result)") }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends `payload` compressed: DEFLATE blocks that end on a byte, less the trailing
    /// `00 00 FF FF`, which the receiver adds again (RFC 7692 §7.2.1). At least one byte.
    ///
    /// - Parameter payload: a whole message, below 4 GiB; may be empty (§7.2.3.6).
    package func compressMessage(_ payload: Span<UInt8>, to buffer: ByteBuffer) {
        precondition(payload.count <= UInt32.max, "a message of \(payload.count) bytes")
        deflateReset(stream)
        let room = Int(deflateBound(stream, UInt(payload.count))) + 16
        payload.withUnsafeBufferPointer { input in
            // zlib reads through this pointer and never writes; it stays valid in this closure,
            // and `deflate` is only called here.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                buffer.appendUnsafe(atMost: room) { output in
                    stream.pointee.next_out = output.baseAddress
                    stream.pointee.avail_out = UInt32(clamping: output.count)
                    let offered = stream.pointee.avail_out
                    let result = deflate(stream, Z_SYNC_FLUSH)
                    precondition(result == Z_OK || result == Z_BUF_ERROR, "deflate: \(result)")
                    return Int(offered - stream.pointee.avail_out)
                }
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }
        let end = buffer.count - 4
        precondition(buffer[end + 2] == 0xFF && buffer[end + 3] == 0xFF, "no flush at the end")
        buffer.truncate(to: end)
    }
}
