// Server frames taken by their headers only, and client frames made (RFC 6455 §5.2).

import Glibc

enum WebSocketFrames {
    /// The frame that begins at `start`; nil when it has not wholly arrived.
    @inline(__always)
    static func next(in bytes: UnsafeRawBufferPointer, at start: Int) -> Unit? {
        let left = bytes.count - start
        guard left >= 2 else { return nil }
        let first = bytes[start]
        var length = Int(bytes[start + 1])
        var head = 2
        if length == 126 {
            guard left >= 4 else { return nil }
            length = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
            head = 4
        } else if length == 127 {
            guard left >= 10 else { return nil }
            length = 0
            for index in 2..<10 { length = length << 8 | Int(bytes[start + index]) }
            head = 10
        } else if length > 127 {
            return Unit(kind: .unreadable, payload: .init(start: nil, count: 0), end: start + 2)
        }
        guard length >= 0, left - head >= length else { return nil }
        let end = start + head + length
        let payload = UnsafeRawBufferPointer(rebasing: bytes[start + head..<end])
        return Unit(kind: kind(first), payload: payload, end: end)
    }

    @inline(__always)
    private static func kind(_ first: UInt8) -> Unit.Kind {
        switch first {
        case 0x81, 0x82: .message
        case 0x89: .ping
        case 0x8a: .other
        case 0x88: .close
        default: .unreadable
        }
    }

    /// A close frame's code and reason, in words (RFC 6455 §5.5.1).
    static func closing(_ payload: UnsafeRawBufferPointer) -> String {
        guard payload.count >= 2 else { return "no code" }
        let reason = String(decoding: payload.dropFirst(2), as: UTF8.self)
        let code = Int(payload[0]) << 8 | Int(payload[1])
        return reason.isEmpty ? "code \(code)" : "code \(code), \(reason)"
    }

    /// Appends one masked client frame.
    ///
    /// - Parameter first: the frame's first byte, FIN and opcode.
    static func append(
        _ payload: UnsafeRawBufferPointer, first: UInt8, mask: UInt32, to frames: inout [UInt8]
    ) {
        frames.append(first)
        let count = payload.count
        if count < 126 {
            frames.append(0x80 | UInt8(count))
        } else if count < 65_536 {
            frames.append(0xfe)
            frames.append(UInt8(count >> 8))
            frames.append(UInt8(count & 255))
        } else {
            frames.append(0xff)
            for shift in stride(from: 56, through: 0, by: -8) {
                frames.append(UInt8(count >> shift & 255))
            }
        }
        for index in 0..<4 { frames.append(UInt8(truncatingIfNeeded: mask >> (8 * index))) }
        for index in 0..<count {
            frames.append(payload[index] ^ UInt8(truncatingIfNeeded: mask >> (8 * (index & 3))))
        }
    }
}
