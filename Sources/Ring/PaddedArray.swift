// Values that different threads write, kept apart in memory. What it is not: a collection to copy.

/// A fixed number of values, each alone in its cache lines.
///
/// 128 bytes and not 64, since the prefetcher fetches lines in pairs. `Element` holds atomics, so
/// that many threads may use one element through a shared pointer.
///
/// `@unchecked Sendable`: the pointer is written once, in `init`; what lies behind it is `Sendable`
/// and lives until `deinit`, which runs when nobody holds the owner any more.
struct PaddedArray<Element: ~Copyable & Sendable>: ~Copyable, @unchecked Sendable {
    static var lineBytes: Int { 128 }

    let count: Int
    private let strideBytes: Int
    private let base: UnsafeMutableRawPointer

    /// - Parameter make: gets each index in turn and returns the value to put there.
    init(count: Int, _ make: (Int) -> Element) {
        precondition(count > 0, "a padded array of \(count)")
        self.count = count
        let line = Self.lineBytes
        strideBytes = (MemoryLayout<Element>.size + line - 1) / line * line
        base = .allocate(byteCount: count * strideBytes, alignment: line)
        for index in 0..<count {
            // Fresh memory, aligned to 128 bytes and thus for any Element; each index once.
            (base + index * strideBytes).bindMemory(to: Element.self, capacity: 1)
                .initialize(to: make(index))
        }
    }

    deinit {
        for index in 0..<count {
            // Initialised in `init`, and nobody else has a use of it left.
            (base + index * strideBytes).assumingMemoryBound(to: Element.self)
                .deinitialize(count: 1)
        }
        base.deallocate()
    }

    /// Where element `index` lies, as long as this array lives. Elements are used through their
    /// atomics only: nobody assigns to the pointee.
    subscript(index: Int) -> UnsafePointer<Element> {
        precondition(index >= 0 && index < count, "index \(index) of \(count)")
        // In bounds, bound to Element in `init`.
        return UnsafePointer(
            (base + index * strideBytes).assumingMemoryBound(to: Element.self))
    }
}
