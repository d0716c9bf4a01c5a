// One connection, as a value around its descriptor, and the way of a byte out: into the kernel at
// once. What the kernel does not take is the caller's to keep; bytes in are the loop's to read.

internal import CLibuv
internal import Glibc

/// The address of a peer, first byte highest.
package enum PeerHost: Equatable, Sendable {
    case ipv4(UInt32)
    /// The first and the last eight bytes.
    case ipv6(UInt64, UInt64)
}

/// What a stream is watched for. Inlinable, since a set made in another module would be put together
/// by a loop over its members.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt8

    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

    @inlinable package static var nothing: Readiness { Readiness(rawValue: 0) }
    @inlinable package static var reading: Readiness { Readiness(rawValue: 1) }
    @inlinable package static var writing: Readiness { Readiness(rawValue: 2) }
}

/// A piece of memory to write. Laid out as `iovec`: first the address, then the size.
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

/// A connected TCP or Unix socket that does not block. Loop's thread only.
///
/// It is open from `LoopEvents.accepted` until `Loop.close`. The handler keeps it so long, and uses
/// no copy of it afterwards: the kernel gives the number to the next one.
package struct Stream {
    package let descriptor: Int32

    /// - Parameter descriptor: -1 for none.
    @inlinable package init(descriptor: Int32) { self.descriptor = descriptor }

    /// Most pieces that one `write` takes (IOV_MAX).
    package static let vectorsMax = 1_024

    /// Hands bytes to the kernel now.
    ///
    /// - Parameter bytes: one or more.
    /// - Returns: the bytes taken, from the front; 0 when the kernel has no room; a negative `errno`
    ///   when the stream has failed.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        // send(2) costs less than write(2), which asks first whether somebody watches the file.
        outcome { send(descriptor, bytes.baseAddress, bytes.count, flags) }
    }

    /// `write` of several pieces, with one system call.
    ///
    /// - Parameter vectors: written in their order; of more than ``vectorsMax`` only so many are
    ///   looked at.
    package func write(_ vectors: UnsafeBufferPointer<IOVector>) -> Int {
        if vectors.count == 1 {
            return write(UnsafeRawBufferPointer(start: vectors[0].start, count: vectors[0].count))
        }
        var message = msghdr()
        // `IOVector` has its layout; the kernel only reads.
        message.msg_iov = UnsafeMutableRawPointer(mutating: vectors.baseAddress)?
            .assumingMemoryBound(to: iovec.self)
        message.msg_iovlen = min(vectors.count, Stream.vectorsMax)
        return outcome { sendmsg(descriptor, &message, flags) }
    }

    private var flags: Int32 { Int32(truncatingIfNeeded: MSG_NOSIGNAL) }

    @inline(__always)
    private func outcome(of call: () -> Int) -> Int {
        while true {
            let written = call()
            if written >= 0 { return written }
            let code = errno
            if code == EAGAIN || code == ENOBUFS { return 0 }
            if code != EINTR { return Int(-code) }
        }
    }

    /// Ends the sending side, behind what the kernel has taken; reading goes on.
    package func shutdown() {
        // Whether it worked does not matter: a stream that failed says so when it is read or
        // written.
        Glibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// The peer's address without its port; nil for a Unix socket, and once the peer has reset. Asks
    /// the kernel.
    package var peerHost: PeerHost? { SocketAddress.peer(of: descriptor)?.host }
}
