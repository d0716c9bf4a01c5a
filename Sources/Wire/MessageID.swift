// A message's id as clients see it: `EPOCH-SEQUENCE`. Opaque to them, so its form is checked here
// and nowhere else.

package import Bytes

/// One life of a log: ids of another epoch say nothing about this one's sequences.
package struct Epoch: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of an epoch.
    package static let bytesMax = 32

    /// 1...32 bytes of `[A-Za-z0-9_-]`.
    package let bytes: [UInt8]

    /// - Returns: `nil` unless `bytes` are 1...32 of `[A-Za-z0-9_-]`.
    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= 1, bytes.count <= Self.bytesMax else { return nil }
        for index in bytes.indices where !isEpochByte(bytes[index]) { return nil }
        self.bytes = array(bytes)
    }

    private init(known bytes: [UInt8]) { self.bytes = bytes }

    /// A new epoch from random bits.
    ///
    /// - Parameters:
    ///   - random: five bits for each character, the lowest first.
    ///   - length: characters, 1...12. It stands in each message's id, so it is kept short: eight
    ///     make two lives of a log alike once in 2^40 restarts.
    package static func make(random: UInt64, length: Int = 8) -> Epoch {
        precondition((1...12).contains(length), "length \(length)")
        let bytes = (0..<length).map { place in
            letters[Int(random >> UInt64(place * 5) & 31)]
        }
        return Epoch(known: bytes)
    }

    /// Without `i`, `l`, `o` and `u`: nothing that reads like something else.
    private static let letters: [UInt8] = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    package var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// `EPOCH-SEQUENCE`: which life of the log, and where in it.
package struct MessageID: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of the longest id: an epoch, a hyphen, twenty digits.
    package static let bytesMax = Epoch.bytesMax + 21

    package var epoch: Epoch
    package var sequence: UInt64

    package init(epoch: Epoch, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    /// Splits at the last hyphen, since an epoch may hold some.
    ///
    /// - Returns: `nil` unless `bytes` have exactly the form that ``append(to:)`` writes: a valid
    ///   epoch and a sequence below 2^64 without leading zeros.
    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count <= Self.bytesMax else { return nil }
        var hyphen = bytes.count - 1
        while hyphen >= 0, bytes[hyphen] != UInt8(ascii: "-") { hyphen -= 1 }
        guard hyphen >= 0,
            let sequence = decodeDecimal(bytes.extracting((hyphen + 1)..<bytes.count)),
            let epoch = Epoch(bytes.extracting(0..<hyphen))
        else { return nil }
        self.init(epoch: epoch, sequence: sequence)
    }

    package func append(to buffer: ByteBuffer) {
        appendMessageID(epoch: epoch, sequence: sequence, to: buffer)
    }

    package var description: String { "\(epoch)-\(sequence)" }
}

/// Appends an id from its parts.
package func appendMessageID(epoch: Epoch, sequence: UInt64, to buffer: ByteBuffer) {
    buffer.append(epoch.bytes)
    buffer.append(UInt8(ascii: "-"))
    buffer.append(decimal: sequence)
}

/// The number that `digits` write in the one way there is: 1 to 20 ASCII digits, no leading zero,
/// below 2^64; else `nil`.
package func decodeDecimal(_ digits: Span<UInt8>) -> UInt64? {
    guard digits.count >= 1, digits.count <= 20 else { return nil }
    if digits.count > 1, digits[0] == UInt8(ascii: "0") { return nil }
    var value: UInt64 = 0
    for index in digits.indices {
        let digit = digits[index] &- UInt8(ascii: "0")
        guard digit <= 9 else { return nil }
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        if overflow || carry { return nil }
        value = sum
    }
    return value
}

private func isEpochByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    case _: false
    }
}
