// Decompression of whole WebSocket messages: RFC 7692 §7.2.2, without context takeover.

import CZlib

/// Why a message could not be inflated.
package enum InflateError: Error, Equatable {
    /// More than `limit` bytes would come out; nothing beyond was inflated.
    case tooLarge(limit: Int)
    /// No DEFLATE data, or it breaks off inside a block (RFC 7692 §7.2.2).
    case corrupt
}

/// Inflates messages, each on its own. It takes any window a client may choose, up to 32 KiB.
///
/// One instance per loop; not `Sendable`. Holds about 110 KiB for its life.
package final class Inflater {
    /// Bytes inflated at a time.
    private static let pieceBytes = 1 << 16
    /// What every sender takes off its message (RFC 7692 §7.2.1).
    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

    // zlib's state points back at the stream, so the stream keeps one address for its life. Only
    // this object has it and the piece, and frees both last.
    private let stream: UnsafeMutablePointer<z_stream>
    private let piece: UnsafeMutablePointer<UInt8>
    /// The DEFLATE stream ended (BFINAL) where the input so far ended.
    private var isEnded = false

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        piece = .allocate(capacity: Self.pieceBytes)
        let result = carillon_inflate_init(stream, 15)
        guard result == Z_OK else { fatalError("inflateInit2 failed: \(result)") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        piece.deallocate()
    }

    /// Inflates one message.
    ///
    /// - Parameters:
    ///   - compressed: the payloads of its frames, joined, below 4 GiB. None at all is taken for an
    ///     empty message, although §7.2.3.6 gives that one byte: some senders leave it out.
    ///   - limit: bytes that may come out; inflating stops one byte beyond.
    package func inflateMessage(
        _ compressed: Span<UInt8>, limit: Int
    ) throws(InflateError) -> [UInt8] {
        precondition(limit >= 0 && limit < .max, "a limit of \(limit) bytes")
        precondition(compressed.count <= UInt32.max, "a message of \(compressed.count) bytes")
        guard compressed.count > 0 else { return [] }
        inflateReset(stream)
        isEnded = false
        var message: [UInt8] = []
        let error = compressed.withUnsafeBufferPointer { inflate($0, into: &message, limit: limit) }
        if let error { throw error }
        // A message that ends with a final block (BFINAL) is followed by a byte 00, which makes an
        // empty block of the tail (§7.2.3.5). Without that byte it is whole nevertheless.
        if isEnded { return message }
        let tailError = Self.tail.withUnsafeBufferPointer {
            inflate($0, into: &message, limit: limit)
        }
        if let tailError { throw tailError }
        guard isBetweenBlocks else { throw .corrupt }
        return message
    }

    /// Whether all input was used up to the end of a block. The bits are those that `inflate`
    /// documents for `data_type`: 128 after a block, the lowest ones count unused bits.
    private var isBetweenBlocks: Bool {
        isEnded || stream.pointee.data_type & (128 | 0b11_1111) == 128
    }

    /// Returns the error instead of throwing it: the pointer's closure would widen its type.
    private func inflate(
        _ input: UnsafeBufferPointer<UInt8>, into message: inout [UInt8], limit: Int
    ) -> InflateError? {
        // zlib reads through this pointer and never writes; it stays valid in the caller's closure,
        // and is taken out of the stream before that ends.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.avail_in = 0
        }
        repeat {
            let room = min(Self.pieceBytes, limit - message.count + 1)
            stream.pointee.next_out = piece
            stream.pointee.avail_out = UInt32(room)
            let result = CZlib.inflate(stream, Z_SYNC_FLUSH)
            let produced = room - Int(stream.pointee.avail_out)
            // `inflate` wrote `produced` bytes at the start of the piece.
            message.append(contentsOf: UnsafeBufferPointer(start: piece, count: produced))
            guard message.count <= limit else { return .tooLarge(limit: limit) }
            switch result {
            case Z_OK: isEnded = false
            case Z_BUF_ERROR: return nil
            case Z_STREAM_END:
                isEnded = true
                // Blocks may follow a final one, from the next byte on (§7.2.1), and may refer
                // back across it.
                if stream.pointee.avail_in > 0 { carillon_inflate_reset_keep(stream) }
            case Z_MEM_ERROR: fatalError("inflate: out of memory")
            default: return .corrupt
            }
        } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
        return nil
    }
}
