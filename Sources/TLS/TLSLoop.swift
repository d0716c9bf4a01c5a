// What all TLS connections of one loop share: the BIO through which OpenSSL reads and writes, and
// the buffer that takes what it writes. A connection on its own would hold two BIOs and their
// memory.

package import Bytes
private import COpenSSL

/// The ciphertext side of one loop's engines. Owner loop only.
///
/// Engines use it in turn and never at once: ``TLSEngine/receive(_:plaintext:)`` lends its input to
/// the BIO and leaves nothing of it there, so no connection can read another's bytes. What goes out
/// stands in ``outgoing`` until the caller, which knows whose turn it was, takes it from there.
package final class TLSLoop {
    /// Ciphertext to send, appended. The caller empties it before the next engine has its turn.
    package let outgoing: ByteBuffer

    /// The `BIO` of every engine of the loop, for both ways.
    let bio: OpaquePointer

    /// Input that OpenSSL has not asked for yet; the pointer holds during one `receive`.
    private var input: UnsafeRawPointer?
    private(set) var inputCount = 0
    /// Whether OpenSSL asked for more than there was, since it was last set to `false`.
    var isStarved = false
    /// How often OpenSSL has written, ever; wraps. No run-time exclusivity check, which a record
    /// would pay for: each access is one load or store.
    @exclusivity(unchecked) private(set) var writes: UInt32 = 0

    package init(outgoing: ByteBuffer = ByteBuffer()) {
        self.outgoing = outgoing
        guard let bio = BIO_new(sharedMethod) else { fatalError("out of memory: BIO") }
        self.bio = bio
        // The BIO may outlive this object by no more than its last engine, and an engine holds the
        // loop: unretained is enough.
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
    }

    deinit { BIO_free(bio) }

    /// Lends `bytes` to the BIO until ``endInput()``.
    func beginInput(_ bytes: UnsafeRawBufferPointer) {
        precondition(inputCount == 0, "\(inputCount) bytes of another connection are left")
        input = bytes.baseAddress
        inputCount = bytes.count
    }

    /// Ends the loan; what is left is of a connection that has ended, and is dropped.
    func endInput() {
        input = nil
        inputCount = 0
    }

    /// Copies up to `count` bytes of the input, fewer if there are fewer.
    fileprivate func readInput(into destination: UnsafeMutableRawPointer, count: Int) -> Int {
        let taken = min(count, inputCount)
        guard taken > 0, let source = input else {
            isStarved = true
            return 0
        }
        destination.copyMemory(from: source, byteCount: taken)
        input = source + taken
        inputCount -= taken
        return taken
    }

    fileprivate func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        writes &+= 1
        outgoing.append(copying: bytes)
    }
}

/// The methods of the shared BIO. One for the process: made once, then only read, by any thread.
private nonisolated(unsafe) let sharedMethod: OpaquePointer = {
    let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
    guard let method = BIO_meth_new(kind, "carillon loop") else {
        fatalError("out of memory: BIO_METHOD")
    }
    BIO_meth_set_read_ex(method, readFromInput)
    BIO_meth_set_write_ex(method, writeToOutgoing)
    BIO_meth_set_ctrl(method, control)
    return method
}()

private func loop(of bio: OpaquePointer?) -> TLSLoop {
    Unmanaged<TLSLoop>.fromOpaque(BIO_get_data(bio)).takeUnretainedValue()
}

private func readFromInput(
    _ bio: OpaquePointer?, _ destination: UnsafeMutablePointer<CChar>?, _ count: Int,
    _ taken: UnsafeMutablePointer<Int>?
) -> Int32 {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    let got = loop(of: bio).readInput(into: UnsafeMutableRawPointer(destination!), count: count)
    taken!.pointee = got
    if got > 0 { return 1 }
    // "Later", never "end": that the peer's connection has ended is the stream's to tell. So
    // SSL_OP_IGNORE_UNEXPECTED_EOF has nothing to ignore, and a missing close_notify is the
    // caller's to judge.
    BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    return 0
}

private func writeToOutgoing(
    _ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ count: Int,
    _ taken: UnsafeMutablePointer<Int>?
) -> Int32 {
    let bytes = UnsafeRawBufferPointer(start: source, count: count)
    // The engine that writes holds the loop.
    Unmanaged<TLSLoop>.fromOpaque(BIO_get_data(bio))._withUnsafeGuaranteedRef {
        $0.write(bytes.assumingMemoryBound(to: UInt8.self))
    }
    taken!.pointee = count
    return 1
}

private func control(
    _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
    // A flush ends every flight of the handshake and must succeed; nothing else is supported.
    command == BIO_CTRL_FLUSH ? 1 : 0
}
