// Talk between processes of one machine, in packets that may bring a descriptor (unix(7)). Apart
// from the loops: whoever calls waits.

internal import CLibuv
internal import Glibc

/// One end of a conversation. Any thread.
package final class PacketSocket: Sendable {
    package enum Reception: Sendable {
        /// At most ``bytesMax`` bytes.
        case packet([UInt8], OwnedDescriptor?)
        /// The peer has hung up.
        case ended
        case timedOut
        case stopped
        /// A packet that is too long, or brings more than one descriptor.
        case malformed
    }

    /// One packet.
    package static let bytesMax = 1024

    private let socket: OwnedDescriptor
    private let stop: StopPipe

    /// - Parameter stop: ends all waiting.
    init(_ socket: OwnedDescriptor, stop: StopPipe) {
        self.socket = socket
        self.stop = stop
    }

    /// Connects to the one who listens at a path.
    ///
    /// - Returns: nil when nobody does.
    package static func connect(
        path: String, stop: StopPipe
    ) throws(LoopError) -> PacketSocket? {
        let address = try SocketAddress(path: path)
        let descriptor = clibuv_packet_socket()
        guard descriptor >= 0 else { throw .socketNotMade(address: "unix:\(path)", code: -errno) }
        let socket = OwnedDescriptor(descriptor)
        guard address.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) != 0 else {
            return PacketSocket(socket, stop: stop)
        }
        let code = errno
        if code == ENOENT || code == ECONNREFUSED { return nil }
        throw .socketNotMade(address: "unix:\(path)", code: -code)
    }

    /// Whether the peer's process was root's or this one's user's when it connected or listened.
    package var isPeerTrusted: Bool {
        var user: UInt32 = 0
        guard clibuv_peer_user(socket.number, &user) == 0 else { return false }
        return user == 0 || user == geteuid()
    }

    /// Sends one packet.
    ///
    /// - Returns: false when the peer is gone, or has taken nothing for so long.
    package func send(
        _ bytes: [UInt8], _ descriptor: OwnedDescriptor? = nil, milliseconds: Int
    ) -> Bool {
        precondition(!bytes.isEmpty && bytes.count <= PacketSocket.bytesMax)
        while true {
            let sent = clibuv_send_packet(
                socket.number, bytes, bytes.count, descriptor?.number ?? -1)
            if sent == bytes.count { return true }
            guard errno == EAGAIN || errno == EINTR,
                case .ready = stop.wait(
                    for: socket.number, writable: true, milliseconds: milliseconds)
            else { return false }
        }
    }

    /// Waits for one packet.
    package func receive(milliseconds: Int) -> Reception {
        var bytes = [UInt8](repeating: 0, count: PacketSocket.bytesMax)
        while true {
            switch stop.wait(for: socket.number, milliseconds: milliseconds) {
            case .stopped: return .stopped
            case .timedOut: return .timedOut
            case .ready: break
            }
            var descriptor: Int32 = -1
            var truncated: Int32 = 0
            let count = clibuv_receive_packet(
                socket.number, &bytes, bytes.count, &descriptor, &truncated)
            let owned = descriptor >= 0 ? OwnedDescriptor(descriptor) : nil
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            // A packet without bytes can't be told from the end, and none is ever sent.
            guard count > 0 else { return .ended }
            return truncated == 0 ? .packet(Array(bytes[..<count]), owned) : .malformed
        }
    }
}

/// Waits at a path for those who connect; the file goes with it. Any thread.
package final class PacketListener: Sendable {
    /// How long accepting rests when the process lacks descriptors.
    private static let restMilliseconds = 1_000

    private let listener: Listener
    private let stop: StopPipe

    /// - Throws: `bindRefused` when somebody listens there already.
    package init(path: String, stop: StopPipe) throws(LoopError) {
        listener = try Listener.unix(path: path, backlog: 8, packets: true)
        self.stop = stop
    }

    /// The next one to connect; nil once `stop` was called.
    package func accept() -> PacketSocket? {
        while true {
            guard case .ready = stop.wait(for: listener.borrowed, milliseconds: nil) else {
                return nil
            }
            let descriptor = clibuv_accept(listener.borrowed)
            if descriptor >= 0 { return PacketSocket(OwnedDescriptor(descriptor), stop: stop) }
            if errno == EAGAIN || errno == ECONNABORTED || errno == EINTR { continue }
            guard case .timedOut = stop.wait(milliseconds: PacketListener.restMilliseconds) else {
                return nil
            }
        }
    }
}
