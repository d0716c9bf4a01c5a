// A connection's name: eight bytes that say which loop, which slot and which use of that slot.

/// One connection, as a value. Copying it costs nothing; a stale one (its connection is gone) is
/// detected and ignored, never mistaken for the connection that has the slot now.
///
/// ```text
/// bit 63            36 35      28 27            0
///     generation (28)  loop (8)   slot (28)
/// ```
public struct Peer: Hashable, Sendable {
    package let raw: UInt64

    package static let slotsMax = 1 << 28
    package static let loopsMax = 1 << 8
    package static let generationMax: UInt32 = 1 << 28 - 1

    package init(raw: UInt64) { self.raw = raw }

    /// - Parameters:
    ///   - loop: 0…255.
    ///   - slot: 0…2²⁸ − 1.
    ///   - generation: 1…2²⁸ − 1; never 0, so that a raw value of 0 is nobody.
    package init(loop: Int, slot: Int, generation: UInt32) {
        precondition(loop >= 0 && loop < Peer.loopsMax, "loop \(loop)")
        precondition(slot >= 0 && slot < Peer.slotsMax, "slot \(slot)")
        precondition(generation > 0 && generation <= Peer.generationMax, "generation \(generation)")
        raw = UInt64(generation) << 36 | UInt64(loop) << 28 | UInt64(slot)
    }

    package var loop: Int { Int(truncatingIfNeeded: (raw >> 28) & 0xFF) }
    package var slot: Int { Int(truncatingIfNeeded: raw & 0xFFF_FFFF) }
    package var generation: UInt32 { UInt32(truncatingIfNeeded: raw >> 36) }
}

extension Peer: CustomStringConvertible {
    /// `loop:slot:generation`, for logs.
    public var description: String { "\(loop):\(slot):\(generation)" }
}
