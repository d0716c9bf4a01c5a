// Takes the chunk headers out of a body (RFC 9112 §7.1), in place, however the reads cut it.

import Glibc

struct ChunkedBody {
    private enum State {
        case size
        case extensions
        case data
        /// The CR and LF after a chunk's bytes.
        case dataEnd
        case finished
    }

    private var state = State.size
    private var left = 0

    /// Moves the chunks' bytes together at the front of `bytes`.
    ///
    /// - Returns: how many there are; nil when a chunk's size cannot be read.
    mutating func strip(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return 0 }
        var kept = 0
        var index = 0
        while index < bytes.count {
            if case .data = state {
                let run = min(left, bytes.count - index)
                if kept != index { memmove(base + kept, base + index, run) }
                kept += run
                index += run
                left -= run
                if left == 0 { state = .dataEnd }
                continue
            }
            guard step(bytes[index]) else { return nil }
            index += 1
        }
        return kept
    }

    /// Takes one byte that is no chunk's data; false when it cannot be there.
    private mutating func step(_ byte: UInt8) -> Bool {
        switch (state, byte) {
        case (.size, 0x30...0x39): left = left << 4 | Int(byte - 0x30)
        case (.size, 0x61...0x66): left = left << 4 | Int(byte - 0x57)
        case (.size, 0x41...0x46): left = left << 4 | Int(byte - 0x37)
        case (.size, 0x3b): state = .extensions
        case (.size, 0x0a), (.extensions, 0x0a): state = left == 0 ? .finished : .data
        case (.dataEnd, 0x0a): state = .size
        case (.size, 0x0d), (.extensions, _), (.dataEnd, 0x0d), (.finished, _): break
        case (.size, _), (.dataEnd, _), (.data, _): return false
        }
        return left < 1 << 40
    }
}
