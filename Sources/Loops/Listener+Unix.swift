// Unix sockets: the file that stands for the socket, its permission, and what becomes of the file
// that a crashed process left behind.

internal import CLibuv
internal import Glibc
internal import Synchronization

extension Listener {
    /// Listens on a Unix socket.
    ///
    /// A socket file on which nobody answers is replaced; one on which somebody does is
    /// `EADDRINUSE`.
    ///
    /// - Parameters:
    ///   - path: 1…107 bytes.
    ///   - permissions: who may connect, as for `chmod`; 0o600, its owner, unless told otherwise.
    ///   - packets: it is for ``PacketSocket``s, not for a loop's streams.
    package static func unix(
        path: String, backlog: Int32 = 4096, permissions: UInt32 = 0o600, packets: Bool = false
    ) throws(LoopError) -> Listener {
        let address = try SocketAddress(path: path)
        let name = "unix:\(path)"
        try removeStale(path: path, address: address, packets: packets)
        let descriptor = packets ? clibuv_packet_socket() : clibuv_socket(AF_UNIX)
        guard descriptor >= 0 else { throw .socketNotMade(address: name, code: -errno) }
        // Linux makes the file with the socket's own mode, so nobody slips in before the `chmod`
        // below; and the process's umask, which all threads share, need not change.
        fchmod(descriptor, permissions & 0o600)
        guard address.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let code = -errno
            Glibc.close(descriptor)
            throw .bindRefused(address: name, code: code)
        }
        let file = SocketFile(path: path)
        guard chmod(path, permissions) == 0 else {
            let code = -errno
            Glibc.close(descriptor)
            throw .bindRefused(address: name, code: code)
        }
        guard Glibc.listen(descriptor, backlog) == 0 else {
            let code = -errno
            Glibc.close(descriptor)
            throw .listenRefused(address: name, code: code)
        }
        return Listener(
            descriptor: descriptor, address: .unix(path: path), backlog: backlog, file: file)
    }

    /// Removes a socket file that refuses connections, which a live listener never does.
    private static func removeStale(
        path: String, address: SocketAddress, packets: Bool
    ) throws(LoopError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .pathNotSocket(path: path) }
        let probe = packets ? clibuv_packet_socket() : clibuv_socket(AF_UNIX)
        guard probe >= 0 else { throw .socketNotMade(address: "unix:\(path)", code: -errno) }
        defer { Glibc.close(probe) }
        let code = address.withSockaddr { connect(probe, $0, $1) } == 0 ? 0 : errno
        guard code == ECONNREFUSED else {
            // It answers, or its backlog is full (EAGAIN), or it is not ours to ask (EACCES), or it
            // is of the other kind (EPROTOTYPE).
            throw .bindRefused(address: "unix:\(path)", code: -EADDRINUSE)
        }
        unlink(path)
    }
}

/// The file of a bound Unix socket. Shared by the listeners on it; unlinked with the last of them.
final class SocketFile: Sendable {
    private let path: String
    private let device: UInt
    private let inode: UInt
    /// False while the file is another process's to unlink.
    private let isOurs = Atomic(true)

    init(path: String) {
        self.path = path
        (device, inode) = SocketFile.identity(of: path) ?? (0, 0)
    }

    /// Any thread.
    func setOurs(_ isOurs: Bool) {
        // Relaxed: it goes with nothing else.
        self.isOurs.store(isOurs, ordering: .relaxed)
    }

    deinit {
        guard isOurs.load(ordering: .relaxed) else { return }
        // Another process may have put its own socket in the place of ours.
        guard let (device, inode) = SocketFile.identity(of: path) else { return }
        if device == self.device, inode == self.inode { unlink(path) }
    }

    private static func identity(of path: String) -> (device: UInt, inode: UInt)? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return (UInt(status.st_dev), UInt(status.st_ino))
    }
}
