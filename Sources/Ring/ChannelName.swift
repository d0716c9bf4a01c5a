// A channel's name with its hash. What it is not: a check of the name; the edge has done that.

/// A channel's name: 1...255 bytes of UTF-8, and their hash.
///
/// Two names are equal when their bytes are; equal hashes of different names are possible. Names
/// hashed under different keys are not to be compared: a process has one key.
package struct ChannelName: Sendable, Hashable {
    /// Bytes in a name, at most (the contract's "Words").
    package static let bytesMax = 255

    /// 1...255 bytes of UTF-8.
    package let bytes: [UInt8]
    /// SipHash-1-3 of `bytes` under the process's key: decides the home loop and the table bucket.
    package let hash: UInt64

    /// - Parameter bytes: 1...255 bytes, UTF-8 without control characters; the caller has checked
    ///   them. Only the count is held here, by a trap.
    package init(_ bytes: [UInt8], key: HashKey) {
        self.init(bytes, hash: sipHash13(bytes.span, key: key))
    }

    /// Apart from the hashing, since no two names are known whose hashes collide, and equality must
    /// be tested on such.
    init(_ bytes: [UInt8], hash: UInt64) {
        precondition(
            !bytes.isEmpty && bytes.count <= Self.bytesMax,
            "a channel name of \(bytes.count) bytes")
        self.bytes = bytes
        self.hash = hash
    }

    package static func == (left: ChannelName, right: ChannelName) -> Bool {
        left.hash == right.hash && left.bytes == right.bytes
    }

    /// Feeds the hash we have instead of the bytes: equal bytes have equal hashes.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(hash)
    }
}
