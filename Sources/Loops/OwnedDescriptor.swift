// A descriptor that somebody answers for: closed with the last reference to it.

internal import Glibc

/// Any thread.
package final class OwnedDescriptor: Sendable {
    package let number: Int32

    /// - Parameter number: an open descriptor, this object's from now on.
    package init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// One more descriptor for the same thing, which a child process does not inherit; -1 and
    /// `errno` on failure.
    func copy() -> Int32 { fcntl(number, F_DUPFD_CLOEXEC, 0) }
}
