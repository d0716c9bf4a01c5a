// Listening sockets that another process has opened, and more than one descriptor for one socket.
// Their queues live on while any process has them open: that is how no connection attempt fails
// when one process follows another.

internal import CLibuv
internal import Glibc

extension Listener {
    /// Listens on a socket that was opened elsewhere.
    ///
    /// - Parameter ownsFile: a Unix socket's file is unlinked with the last listener on it.
    /// - Throws: `notListening` for anything but a listening stream socket of a known family.
    package static func adopting(
        _ socket: OwnedDescriptor, ownsFile: Bool
    ) throws(LoopError) -> Listener {
        guard option(socket.number, SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            option(socket.number, SO_ACCEPTCONN) == 1,
            let local = SocketAddress.local(of: socket.number),
            [AF_INET, AF_INET6, AF_UNIX].contains(local.family)
        else { throw .notListening(descriptor: socket.number) }
        let descriptor = socket.copy()
        guard descriptor >= 0 else { throw .socketNotMade(address: local.text, code: -errno) }
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        guard let path = local.path else {
            return Listener(
                descriptor: descriptor, address: local.listenAddress, backlog: backlogDefault,
                file: nil)
        }
        let isFile = !path.isEmpty && !path.hasPrefix("@")
        return Listener(
            descriptor: descriptor, address: .unix(path: path), backlog: backlogDefault,
            file: ownsFile && isFile ? SocketFile(path: path) : nil)
    }

    /// The listeners for an address: those of `offered` that are bound to it, and new ones for what
    /// none of them has. Blocks while the name is resolved.
    ///
    /// - Parameters:
    ///   - offered: with port 0, all of them are for this address.
    ///   - exclusive: as for ``tcp(host:port:backlog:reusePort:exclusive:)``, for new ones.
    /// - Returns: by the address that they are bound to, one or more for each.
    package static func open(
        _ address: ListenAddress, offered: [Listener], exclusive: Bool
    ) throws(LoopError) -> [[Listener]] {
        switch address {
        case .unix(let path):
            let found = offered.filter { $0.address == address }
            return found.isEmpty ? [[try unix(path: path)]] : [found]
        case .tcp(let host, let port):
            if port == 0, !offered.isEmpty {
                return Dictionary(grouping: offered) { "\($0.address)" }
                    .sorted { $0.key < $1.key }.map(\.value)
            }
            if offered.isEmpty {
                return try tcp(host: host, port: port, exclusive: exclusive).map { [$0] }
            }
            return try complete(
                offered, try SocketAddress.resolve(host: host, port: port), exclusive)
        }
    }

    private static func complete(
        _ offered: [Listener], _ wanted: [SocketAddress], _ exclusive: Bool
    ) throws(LoopError) -> [[Listener]] {
        var open: [[Listener]] = []
        var missing: [SocketAddress] = []
        for address in wanted {
            let found = offered.filter { SocketAddress.local(of: $0.borrowed) == address }
            if found.isEmpty { missing.append(address) } else { open.append(found) }
        }
        guard !missing.isEmpty else { return open }
        do {
            open += try tcp(missing, exclusive: exclusive).map { [$0] }
        } catch {
            // As when the first process bound them.
            guard !open.isEmpty, error.isAboutMissingFamily else { throw error }
        }
        return open
    }

    /// One more listener on the very same socket: each connection goes to whichever accepts first.
    /// Any thread; before `Loop.listen` takes this one.
    package func duplicate() throws(LoopError) -> Listener {
        let copy = try share().copy()
        guard copy >= 0 else { throw .socketNotMade(address: "\(address)", code: -errno) }
        return Listener(descriptor: copy, address: address, backlog: backlog, file: file)
    }

    /// The socket, to be passed to another process. Any thread; before `Loop.listen` takes this
    /// one.
    package func share() throws(LoopError) -> OwnedDescriptor {
        let original = borrowed
        guard original >= 0 else { throw .listenerTaken(address: "\(address)") }
        let copy = fcntl(original, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .socketNotMade(address: "\(address)", code: -errno) }
        return OwnedDescriptor(copy)
    }

    /// Whether ``sibling()`` can bind a socket of its own beside this one.
    package var mayHaveSiblings: Bool {
        !isUnix && Listener.option(borrowed, SO_REUSEPORT) == 1
    }

    /// Whose business it is to unlink a Unix socket's file. Any thread.
    package func setOwnsFile(_ owns: Bool) { file?.setOurs(owns) }

    private static let backlogDefault: Int32 = 4096

    private static func option(_ descriptor: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 else { return nil }
        return value
    }
}
