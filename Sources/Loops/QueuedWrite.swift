// What a stream still has to write when the kernel took less than it was given: one allocation,
// alive from `Stream.queue` until libuv's write callback.

internal import CLibuv

/// A piece of memory to write. Laid out as `uv_buf_t` and `iovec`: first the address, then the
/// size.
package struct IOVector {
    package var start: UnsafeRawPointer?
    package var count: Int

    package init(start: UnsafeRawPointer?, count: Int) {
        self.start = start
        self.count = count
    }

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.init(start: bytes.baseAddress, count: bytes.count)
    }
}

/// libuv's request, what keeps its bytes alive, and, after it in the same memory, the bytes
/// themselves if they were copied.
struct QueuedWrite {
    // First, so that a request's address is its record's.
    private var request: uv_write_t
    private var owner: AnyObject?

    /// Memory for a record and `count` bytes after it.
    static func make(
        owner: AnyObject?, roomFor count: Int
    ) -> (request: UnsafeMutablePointer<uv_write_t>, room: UnsafeMutableRawBufferPointer) {
        let offset = MemoryLayout<QueuedWrite>.stride
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: offset + count, alignment: MemoryLayout<QueuedWrite>.alignment)
        let record = memory.bindMemory(to: QueuedWrite.self, capacity: 1)
        record.initialize(to: QueuedWrite(request: uv_write_t(), owner: owner))
        return (
            memory.assumingMemoryBound(to: uv_write_t.self),
            UnsafeMutableRawBufferPointer(start: memory + offset, count: count)
        )
    }

    /// Releases the owner, frees the memory.
    static func destroy(_ request: UnsafeMutablePointer<uv_write_t>) {
        let memory = UnsafeMutableRawPointer(request)
        memory.assumingMemoryBound(to: QueuedWrite.self).deinitialize(count: 1)
        memory.deallocate()
    }
}
