// Datagrams to a Unix socket, for telling a service manager how things are (sd_notify(3)).

internal import CLibuv
internal import Glibc

/// Sends texts to one address; nobody answers. Any thread.
package final class DatagramSender: Sendable {
    private let socket: OwnedDescriptor
    private let address: SocketAddress

    /// - Parameter target: an absolute path, or `@` and an abstract name; nil for anything else.
    package init?(target: String) {
        guard target.hasPrefix("/") || target.hasPrefix("@"),
            let address = target.hasPrefix("@")
                ? try? SocketAddress(abstract: String(target.dropFirst()))
                : try? SocketAddress(path: target)
        else { return nil }
        let descriptor = clibuv_datagram_socket()
        guard descriptor >= 0 else { return nil }
        socket = OwnedDescriptor(descriptor)
        self.address = address
    }

    /// What can't be sent is lost: the receiver is told again, or does without.
    package func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = address.withSockaddr {
            sendto(socket.number, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1)
        }
    }
}
