// What the published messages look like. A message follows wholly from its run and its sequence
// number, so a receiver knows every byte it should find, and finds any damage by comparing.
//
//     cb RRRRRRRR SSSSSSSSSSSSSSSS filler…        (without the spaces)
//        run, hex sequence, hex    letters and digits, begun at a place that the sequence chooses
//
// Letters and digits only: the same bytes in a JSON string, an event stream's line and a frame.

import Glibc

/// One thread's rendered messages. Not Sendable; each thread has its own.
struct PayloadBook: ~Copyable {
    static let bytesMin = 32
    private static let slots: UInt64 = 256
    private static let period = 61

    let bytes: Int
    private let run: UInt32
    private let filler: UnsafeMutablePointer<UInt8>
    private let pages: UnsafeMutableRawPointer
    private let sequences: UnsafeMutablePointer<UInt64>

    /// - Parameter bytes: a message's size, 32 or more.
    init(run: UInt32, bytes: Int) {
        precondition(bytes >= Self.bytesMin, "a message has 32 bytes or more, not \(bytes)")
        self.bytes = bytes
        self.run = run
        filler = .allocate(capacity: bytes + Self.period)
        let letters = Array("q7Zk2XbNfL9sRw4TgVm8HcYp3JdQa6Ke1UzWiC5nFxB0oEtGyMhSuArDjPvIl".utf8)
        for index in 0..<bytes + Self.period { filler[index] = letters[index % Self.period] }
        pages = .allocate(byteCount: bytes * Int(Self.slots), alignment: 64)
        sequences = .allocate(capacity: Int(Self.slots))
        sequences.initialize(repeating: .max, count: Int(Self.slots))
    }

    deinit {
        filler.deallocate()
        pages.deallocate()
        sequences.deallocate()
    }

    /// The message's bytes, valid until 256 others were asked for.
    @inline(__always)
    mutating func message(_ sequence: UInt64) -> UnsafeRawPointer {
        let slot = Int(sequence % Self.slots)
        let page = pages + slot * bytes
        if sequences[slot] != sequence {
            sequences[slot] = sequence
            render(sequence, to: page)
        }
        return UnsafeRawPointer(page)
    }

    /// The sequence that `payload` claims to bear; nil when it is of another run, or no message.
    func sequence(of payload: UnsafeRawBufferPointer) -> UInt64? {
        guard payload.count >= 26, payload[0] == 0x63, payload[1] == 0x62 else { return nil }
        guard let run = hex(payload, 2, 8), run == UInt64(self.run) else { return nil }
        return hex(payload, 10, 16)
    }

    private func render(_ sequence: UInt64, to page: UnsafeMutableRawPointer) {
        page.storeBytes(of: 0x63, as: UInt8.self)
        page.storeBytes(of: 0x62, toByteOffset: 1, as: UInt8.self)
        renderHex(UInt64(run), 8, to: page + 2)
        renderHex(sequence, 16, to: page + 10)
        memcpy(page + 26, filler + Int(sequence % UInt64(Self.period)), bytes - 26)
    }
}

private func renderHex(_ value: UInt64, _ digits: Int, to page: UnsafeMutableRawPointer) {
    for index in 0..<digits {
        let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * (digits - 1 - index))) & 15
        let letter = digit < 10 ? 48 + digit : 87 + digit
        page.storeBytes(of: letter, toByteOffset: index, as: UInt8.self)
    }
}

private func hex(_ bytes: UnsafeRawBufferPointer, _ from: Int, _ digits: Int) -> UInt64? {
    var value: UInt64 = 0
    for index in from..<from + digits {
        switch bytes[index] {
        case let byte where byte >= 48 && byte <= 57: value = value << 4 | UInt64(byte - 48)
        case let byte where byte >= 97 && byte <= 102: value = value << 4 | UInt64(byte - 87)
        default: return nil
        }
    }
    return value
}
