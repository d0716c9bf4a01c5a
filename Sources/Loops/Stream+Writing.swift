// The two ways of a byte out: into the kernel at once, or, what did not fit, as one queued write.

internal import CLibuv
internal import Glibc

extension Stream {
    /// Hands bytes to the kernel now, with one system call.
    ///
    /// - Parameter vectors: written in their order; of more than 1,024 only so many are looked at.
    /// - Returns: the bytes taken, from the front; 0 when the kernel has no room or a queued write
    ///   is under way; a negative `errno` when the stream has failed.
    package func tryWrite(_ vectors: UnsafeBufferPointer<IOVector>) -> Int {
        assertUsable()
        guard let first = vectors.baseAddress, !header.hasQueuedWrite else { return 0 }
        // `IOVector` has `uv_buf_t`'s layout; libuv reads it during the call only.
        let buffers = UnsafeRawPointer(first).assumingMemoryBound(to: uv_buf_t.self)
        let code = uv_try_write(handle, buffers, UInt32(vectors.count))
        return code == UV_EAGAIN.rawValue ? 0 : Int(code)
    }

    /// `tryWrite` of one piece.
    package func tryWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
        withUnsafePointer(to: IOVector(bytes)) {
            tryWrite(UnsafeBufferPointer(start: $0, count: 1))
        }
    }

    /// Copies bytes, and writes them as the kernel makes room. One queued write at a time; its
    /// outcome is `LoopEvents.drained`, never from within this call.
    ///
    /// - Parameter bytes: at least one byte; what `tryWrite` left.
    /// - Returns: 0, or a negative `errno` if it was not queued (after `shutdown`: EPIPE).
    @discardableResult
    package func queue(copying bytes: UnsafeRawBufferPointer) -> Int32 {
        precondition(bytes.count > 0, "nothing to queue")
        let (request, room) = QueuedWrite.make(owner: nil, roomFor: bytes.count)
        room.copyMemory(from: bytes)
        let vector = IOVector(UnsafeRawBufferPointer(room))
        return withUnsafePointer(to: vector) {
            start(request, UnsafeBufferPointer(start: $0, count: 1))
        }
    }

    /// `queue(copying:)` without the copy.
    ///
    /// - Parameters:
    ///   - owner: held until `drained`, or until after `close`; keeps `vectors`' bytes in place.
    ///   - vectors: at least one byte in all. The array itself may go when this returns.
    @discardableResult
    package func queue(owner: AnyObject, _ vectors: UnsafeBufferPointer<IOVector>) -> Int32 {
        precondition(vectors.contains { $0.count > 0 }, "nothing to queue")
        let (request, _) = QueuedWrite.make(owner: owner, roomFor: 0)
        return start(request, vectors)
    }

    /// `queue(owner:_:)` of one piece.
    @discardableResult
    package func queue(owner: AnyObject, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        withUnsafePointer(to: IOVector(bytes)) {
            queue(owner: owner, UnsafeBufferPointer(start: $0, count: 1))
        }
    }

    private func start(
        _ request: UnsafeMutablePointer<uv_write_t>, _ vectors: UnsafeBufferPointer<IOVector>
    ) -> Int32 {
        assertUsable()
        precondition(!header.hasQueuedWrite, "a write is queued already")
        let buffers = UnsafeRawPointer(vectors.baseAddress!).assumingMemoryBound(to: uv_buf_t.self)
        let code = uv_write(request, handle, buffers, UInt32(vectors.count), onWritten)
        guard code == 0 else {
            QueuedWrite.destroy(request)
            return code
        }
        header.hasQueuedWrite = true
        return 0
    }
}

/// `Stream.tryWrite` of one piece, without the stream: for a loop that writes to thousands of
/// connections in a row, and would pay more for fetching each stream's state into the cache than
/// for all else it does.
///
/// - Parameters:
///   - descriptor: an open stream's, with no queued write under way.
///   - bytes: at least one.
/// - Returns: as `Stream.tryWrite`.
package func writeNow(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    while true {
        let written = Glibc.send(
            descriptor, bytes.baseAddress, bytes.count, Int32(truncatingIfNeeded: MSG_NOSIGNAL))
        if written >= 0 { return written }
        let code = errno
        if code == EAGAIN || code == EWOULDBLOCK || code == ENOBUFS { return 0 }
        if code != EINTR { return Int(-code) }
    }
}
