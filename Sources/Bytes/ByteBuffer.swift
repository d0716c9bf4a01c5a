// The buffer that every encoder writes into: one allocation that grows, is cleared and used again.
// What it is not: a queue. Nothing is removed from its front.

private import Glibc

/// Bytes in one growable allocation, appended at the end.
///
/// A class, since a buffer outlives the turn that filled it while a slow peer is still owed part of
/// it. Not `Sendable`: a buffer belongs to one loop.
///
/// Ranges into a buffer are given as byte offsets, which stay valid while it grows. A pointer
/// from ``withUnsafeBytes(_:)`` does not: whoever keeps one past the call (a write in flight) holds
/// a reference to the buffer and lets nobody append meanwhile.
package final class ByteBuffer {
    // No run-time exclusivity checks: they cost 20 ns an append, and no access here is long enough
    // to overlap another, since each is one load or store and no caller's closure runs inside it.
    @exclusivity(unchecked) package private(set) var base: UnsafeMutablePointer<UInt8>
    @exclusivity(unchecked) package private(set) var capacity: Int
    /// Bytes written so far.
    @exclusivity(unchecked) package private(set) var count: Int

    /// - Parameter minimumCapacity: bytes to make room for, 0 or more.
    package init(minimumCapacity: Int = 0) {
        capacity = max(minimumCapacity, 64)
        base = .allocate(capacity: capacity)
        count = 0
    }

    deinit { base.deallocate() }

    package var isEmpty: Bool { count == 0 }

    /// Makes room for `additional` bytes more; grows by doubling, so appending is amortised O(1).
    @inline(never)
    package func grow(by additional: Int) {
        precondition(additional >= 0, "negative growth \(additional)")
        let needed = count + additional
        var wanted = capacity
        while wanted < needed { wanted *= 2 }
        // `realloc` keeps the first `count` bytes; Swift's allocate() is malloc for this alignment.
        guard let moved = realloc(base, wanted) else {
            fatalError("out of memory: \(wanted) bytes")
        }
        base = moved.assumingMemoryBound(to: UInt8.self)
        capacity = wanted
    }

    @inline(__always)
    package func reserve(_ additional: Int) {
        if capacity - count < additional { grow(by: additional) }
    }

    package func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count += 1
    }

    package func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(copying: $0) }
    }

    package func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { append(copying: $0) }
    }

    /// ASCII or UTF-8 text known when compiled; costs a `memcpy`.
    package func append(_ text: StaticString) {
        append(copying: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The UTF-8 of `text`.
    package func append(utf8 text: String) {
        var text = text
        text.withUTF8 { append(copying: $0) }
    }

    package func append(copying bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        memcpy(base + count, source, bytes.count)
        count += bytes.count
    }

    /// `value` in decimal ASCII, 1 to 20 bytes.
    package func append(decimal value: UInt64) {
        reserve(20)
        count += writeDecimal(value, to: base + count)
    }

    /// `value` big-endian, as RFC 6455 §5.2 wants its lengths.
    package func append(bigEndian value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    package func append(bigEndian value: UInt64) {
        reserve(8)
        for shift in stride(from: 56, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    /// Drops everything from `newCount` on; the capacity stays.
    package func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count, "truncate \(count) bytes to \(newCount)")
        count = newCount
    }

    /// Empties the buffer. A capacity above `keeping` bytes is given back, so that one big message
    /// does not cost its size for ever.
    package func removeAll(keeping: Int = .max) {
        count = 0
        guard capacity > keeping else { return }
        base.deallocate()
        capacity = max(keeping, 64)
        base = .allocate(capacity: capacity)
    }

    package subscript(offset: Int) -> UInt8 {
        get {
            precondition(offset >= 0 && offset < count, "offset \(offset) of \(count) bytes")
            return base[offset]
        }
        set {
            precondition(offset >= 0 && offset < count, "offset \(offset) of \(count) bytes")
            base[offset] = newValue
        }
    }

    /// The bytes written so far, for the length of the call.
    package func withSpan<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R {
        try body(UnsafeBufferPointer(start: base, count: count).span)
    }

    /// Part of the bytes written so far, for the length of the call.
    package func withSpan<R>(_ range: Range<Int>, _ body: (Span<UInt8>) throws -> R) rethrows -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count)")
        return try body(
            UnsafeBufferPointer(start: base + range.lowerBound, count: range.count).span)
    }

    /// A copy of what was written.
    package func array() -> [UInt8] {
        Array(UnsafeBufferPointer(start: base, count: count))
    }

    /// For the modules that hand bytes to C, for the length of the call.
    package func withUnsafeBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R
    {
        try body(UnsafeBufferPointer(start: base, count: count))
    }

    /// Lets C write up to `atMost` bytes at the end.
    ///
    /// - Parameter body: gets `atMost` uninitialised bytes and returns how many it wrote.
    package func appendUnsafe(
        atMost: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) throws -> Int
    ) rethrows {
        reserve(atMost)
        let written = try body(UnsafeMutableBufferPointer(start: base + count, count: atMost))
        precondition(written >= 0 && written <= atMost, "\(written) bytes written of \(atMost)")
        count += written
    }
}

private func writeDecimal(_ value: UInt64, to destination: UnsafeMutablePointer<UInt8>) -> Int {
    var rest = value
    var digits = 1
    while rest >= 10 {
        rest /= 10
        digits += 1
    }
    rest = value
    for place in stride(from: digits - 1, through: 0, by: -1) {
        destination[place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
    }
    return digits
}
