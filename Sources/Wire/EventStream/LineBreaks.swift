// Where lines end, whichever of CR and LF ends them.

import Bytes

/// Finds CR and LF in rising order. Each byte is looked at twice at most, however many breaks there
/// are, and text without any costs two scans at the C library's speed.
struct LineBreaks {
    private var nextCR: Int
    private var nextLF: Int

    init(in bytes: Span<UInt8>) {
        nextCR = firstIndex(of: UInt8(ascii: "\r"), in: bytes, from: 0) ?? bytes.count
        nextLF = firstIndex(of: UInt8(ascii: "\n"), in: bytes, from: 0) ?? bytes.count
    }

    /// The offset of the first CR or LF at or after `start`.
    ///
    /// - Parameters:
    ///   - bytes: those that the value was made with.
    ///   - start: not before an earlier `start`.
    mutating func next(in bytes: Span<UInt8>, from start: Int) -> Int? {
        if nextCR < start {
            nextCR = firstIndex(of: UInt8(ascii: "\r"), in: bytes, from: start) ?? bytes.count
        }
        if nextLF < start {
            nextLF = firstIndex(of: UInt8(ascii: "\n"), in: bytes, from: start) ?? bytes.count
        }
        let next = min(nextCR, nextLF)
        return next < bytes.count ? next : nil
    }
}
