// Where each of a thread's subscribers would go on: the last id that it saw, as the server wrote
// it.

import Glibc

struct Places: ~Copyable {
    /// Of an id.
    static let bytesMax = 63

    /// A count and that many bytes each.
    private let memory: UnsafeMutablePointer<UInt8>

    init(capacity: Int) {
        memory = .allocate(capacity: capacity * (Self.bytesMax + 1))
        memory.initialize(repeating: 0, count: capacity * (Self.bytesMax + 1))
    }

    deinit { memory.deallocate() }

    /// - Returns: false, and nothing is kept, when the id is longer than `bytesMax`.
    mutating func set(_ index: Int, _ id: UnsafeRawBufferPointer) -> Bool {
        guard id.count <= Self.bytesMax, let bytes = id.baseAddress else { return false }
        let place = memory + index * (Self.bytesMax + 1)
        place.pointee = UInt8(id.count)
        memcpy(place + 1, bytes, id.count)
        return true
    }

    /// Empty when there is none.
    func text(_ index: Int) -> String {
        let place = memory + index * (Self.bytesMax + 1)
        let bytes = UnsafeBufferPointer(start: place + 1, count: Int(place.pointee))
        return String(decoding: bytes, as: UTF8.self)
    }
}
