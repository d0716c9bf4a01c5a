// What the tests of both directions share.

import Bytes
import Deflate

func compress(_ payload: [UInt8], with deflater: Deflater) -> [UInt8] {
    let buffer = ByteBuffer()
    deflater.compressMessage(payload.span, to: buffer)
    return buffer.array()
}

func inflate(_ bytes: [UInt8], limit: Int = 1 << 20) throws(InflateError) -> [UInt8] {
    try Inflater().inflateMessage(bytes.span, limit: limit)
}

/// A payload with much and little to find in it, the same every time.
func sample(_ count: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<count).map { place in
        state = state &* 1_664_525 &+ 1_013_904_223
        return place / 300 % 2 == 0 ? UInt8(place % 11) : UInt8(truncatingIfNeeded: state >> 24)
    }
}
