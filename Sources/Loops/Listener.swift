// Sockets that are bound and listening, before a loop has them. Made by hand: libuv 1.44 cannot set
// SO_REUSEPORT, which lets every loop have a listener of its own on one port.

internal import CLibuv
internal import Glibc
internal import Synchronization

/// One listening socket. Made on any thread; `Loop.listen` takes it over. If none does, it is
/// closed with its last reference.
package final class Listener: Sendable {
    /// The address it is bound to, with the port that the kernel chose if it was asked to.
    package let address: ListenAddress
    package let backlog: Int32
    let isUnix: Bool
    /// What to unlink when the last listener on a path is gone; nil for TCP, and where the file is
    /// not ours.
    let file: SocketFile?
    /// The socket; -1 once a loop took it.
    private let descriptor: Atomic<Int32>

    init(descriptor: Int32, address: ListenAddress, backlog: Int32, file: SocketFile?) {
        self.descriptor = Atomic(descriptor)
        self.address = address
        self.backlog = backlog
        self.file = file
        switch address {
        case .tcp: isUnix = false
        case .unix: isUnix = true
        }
    }

    deinit {
        let descriptor = take()
        if descriptor >= 0 { close(descriptor) }
    }

    /// The TCP port; 0 for a Unix socket.
    package var port: UInt16 {
        switch address {
        case .tcp(_, let port): port
        case .unix: 0
        }
    }

    /// The socket, which is the caller's from now on; -1 if it was taken before.
    func take() -> Int32 {
        // Relaxed: what travels is the number itself.
        descriptor.exchange(-1, ordering: .relaxed)
    }

    /// The socket, still this listener's; -1 if it was taken.
    var borrowed: Int32 { descriptor.load(ordering: .relaxed) }

    /// Listens on all of a host's addresses. Blocks while the name is resolved.
    ///
    /// - Parameters:
    ///   - host: a name or a numeric address, without brackets; empty for all interfaces.
    ///   - port: 0 lets the kernel choose: one port, the same for all addresses.
    ///   - backlog: connections that may wait to be accepted; the kernel caps it (`somaxconn`).
    ///   - reusePort: others, of this process or this user, may listen on the same port; needed
    ///     for `sibling`.
    ///   - exclusive: refuses a port on which another process listens, which `reusePort` alone
    ///     would silently share.
    /// - Returns: at least one listener. Addresses whose family this machine lacks are left out.
    package static func tcp(
        host: String, port: UInt16, backlog: Int32 = 4096, reusePort: Bool = true,
        exclusive: Bool = false
    ) throws(LoopError) -> [Listener] {
        let addresses = try SocketAddress.resolve(host: host, port: port)
        // With port 0 the first address gets a port that the second may find taken.
        var attemptsLeft = port == 0 && addresses.count > 1 ? 16 : 1
        while true {
            attemptsLeft -= 1
            do {
                return try tcp(
                    addresses, backlog: backlog, reusePort: reusePort, exclusive: exclusive)
            } catch {
                guard attemptsLeft > 0, case .bindRefused(_, -EADDRINUSE) = error else {
                    throw error
                }
            }
        }
    }

    static func tcp(
        _ addresses: [SocketAddress], backlog: Int32 = 4096, reusePort: Bool = true, exclusive: Bool
    ) throws(LoopError) -> [Listener] {
        var listeners: [Listener] = []
        var firstSkipped: LoopError?
        for address in addresses {
            var wanted = address
            if let first = listeners.first { wanted.port = first.port }
            do {
                // With port 0 the kernel chose a free port, but for the first address only.
                let mustBeFree = exclusive || address.port != wanted.port
                if mustBeFree, reusePort {
                    // Bound without SO_REUSEPORT, and closed again at once.
                    Glibc.close(try boundSocket(wanted, reusePort: false))
                }
                let descriptor = try boundSocket(wanted, reusePort: reusePort)
                listeners.append(try tcp(listeningOn: descriptor, wanted, backlog: backlog))
            } catch {
                guard error.isAboutMissingFamily else { throw error }
                if firstSkipped == nil { firstSkipped = error }
            }
        }
        if listeners.isEmpty, let firstSkipped { throw firstSkipped }
        return listeners
    }

    /// One more listener on this one's address, for another loop. Any thread; before `Loop.listen`
    /// takes this one.
    package func sibling() throws(LoopError) -> Listener {
        let original = borrowed
        guard original >= 0 else { throw .listenerTaken(address: "\(address)") }
        // A path can be bound once.
        if isUnix { return try duplicate() }
        guard let local = SocketAddress.local(of: original) else {
            throw .socketNotMade(address: "\(address)", code: -errno)
        }
        let descriptor = try Listener.boundSocket(local, reusePort: true)
        return try Listener.tcp(listeningOn: descriptor, local, backlog: backlog)
    }

    /// Takes the descriptor over, and closes it on failure.
    private static func tcp(
        listeningOn descriptor: Int32, _ wanted: SocketAddress, backlog: Int32
    ) throws(LoopError) -> Listener {
        guard Glibc.listen(descriptor, backlog) == 0 else {
            let code = -errno
            Glibc.close(descriptor)
            throw .listenRefused(address: wanted.text, code: code)
        }
        let local = SocketAddress.local(of: descriptor) ?? wanted
        return Listener(
            descriptor: descriptor, address: local.listenAddress, backlog: backlog, file: nil)
    }

    private static func boundSocket(
        _ address: SocketAddress, reusePort: Bool
    ) throws(LoopError) -> Int32 {
        let descriptor = clibuv_socket(address.family)
        guard descriptor >= 0 else { throw .socketNotMade(address: address.text, code: -errno) }
        // A restart must not wait for the old connections' TIME_WAIT to pass.
        var isSet = setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
        if reusePort { isSet = isSet && setOption(descriptor, SOL_SOCKET, SO_REUSEPORT) }
        if address.family == AF_INET6 {
            // IPv4 has listeners of its own, so no client appears as ::ffff:1.2.3.4.
            isSet = isSet && setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY)
        }
        guard isSet else {
            let code = -errno
            Glibc.close(descriptor)
            throw .socketNotMade(address: address.text, code: code)
        }
        guard address.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let code = -errno
            Glibc.close(descriptor)
            throw .bindRefused(address: address.text, code: code)
        }
        return descriptor
    }

    private static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Bool {
        var on: Int32 = 1
        return setsockopt(descriptor, level, name, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
    }
}

extension SocketAddress {
    /// The address of a bound TCP socket as one would write it.
    var listenAddress: ListenAddress {
        (try? ListenAddress.parse(text)) ?? .tcp(host: text, port: port)
    }
}

extension LoopError {
    /// The machine lacks the address, or its whole family; another address of the host may do.
    var isAboutMissingFamily: Bool {
        switch self {
        case .socketNotMade(_, let code): code == -EAFNOSUPPORT
        case .bindRefused(_, let code): code == -EADDRNOTAVAIL || code == -EAFNOSUPPORT
        case .loopNotMade, .threadNotMade, .signalNotWatched, .hostUnknown, .listenRefused,
            .listenerTaken, .pathLength, .pathNotSocket, .notListening, .pipeNotMade:
            false
        }
    }
}
