// The ring's memory. What it is not: the rules of who may touch which slot when; they are in
// `BroadcastRing` and `RingReader`.

import Synchronization

/// `count` slots of 16 bytes: a stamp and a reference.
///
///     offset 0   Atomic<UInt64>        stamp: the sequence that lies here, or an older lap's
///     offset 8   Unmanaged<Message>?   the message, retained by the ring; nil when reclaimed
///
/// Four slots share a cache line: readers run through them in order, and a line that brings four
/// messages is worth more to them than two writers' collisions cost.
///
/// The two halves are bound as separate objects, since the message is a plain variable: a writer
/// assigns to it while readers look at the stamp beside it.
///
/// `@unchecked Sendable`: the stamp is atomic, and whose the message is at any time follows from
/// the stamp, the cursors and `reclaimed`, as `BroadcastRing` argues.
struct RingSlots: ~Copyable, @unchecked Sendable {
    let count: Int
    private let mask: UInt64
    private let base: UnsafeMutableRawPointer

    private static var slotBytes: Int { 16 }
    private static var messageOffset: Int { 8 }

    /// - Parameter count: a power of two.
    init(count: Int) {
        self.count = count
        mask = UInt64(count - 1)
        base = .allocate(byteCount: count * Self.slotBytes, alignment: 128)
        for index in 0..<count {
            let slot = base + index * Self.slotBytes
            // Fresh memory; both offsets are multiples of 8, the alignment of either type.
            slot.bindMemory(to: Atomic<UInt64>.self, capacity: 1).initialize(to: Atomic(0))
            (slot + Self.messageOffset).bindMemory(to: Unmanaged<Message>?.self, capacity: 1)
                .initialize(to: nil)
        }
    }

    /// Messages still held are released by the owner beforehand: it knows which those are.
    deinit { base.deallocate() }

    /// The stamp of the slot where `sequence` belongs.
    @inline(__always)
    func stamp(_ sequence: UInt64) -> UnsafePointer<Atomic<UInt64>> {
        // Masked, so in bounds; bound in `init`; used through the atomic's own operations only.
        UnsafePointer(slot(sequence).assumingMemoryBound(to: Atomic<UInt64>.self))
    }

    /// The message of the slot where `sequence` belongs. For the one that owns it at the time.
    @inline(__always)
    func message(_ sequence: UInt64) -> UnsafeMutablePointer<Unmanaged<Message>?> {
        // Masked, so in bounds; bound in `init`.
        (slot(sequence) + Self.messageOffset).assumingMemoryBound(to: Unmanaged<Message>?.self)
    }

    @inline(__always)
    private func slot(_ sequence: UInt64) -> UnsafeMutableRawPointer {
        base + Int(truncatingIfNeeded: sequence & mask) * Self.slotBytes
    }
}

/// A reference to `message` that the ring owns, to be released once.
///
/// Never inlined, and the ring's safety hangs on that. The optimizer takes an atomic store for
/// something that cannot release an object, and moves a retain behind it (seen in this module with
/// Swift 6.3.1, `-O`: `swift_retain` came after the stamp). Readers on other threads may by then
/// have released what was not yet retained. A value that a call returns cannot be stored before the
/// call, nor can the retain leave the function that it is in.
@inline(never)
func retained(_ message: Message) -> Unmanaged<Message> {
    .passRetained(message)
}
