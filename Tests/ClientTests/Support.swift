// Gateways and peers for the tests that need a socket.

import Gateway
import Glibc
import Loops
import Synchronization
import Testing

@testable import Client

/// A gateway on ports of the kernel's choosing, for as long as `body` runs.
func withGateway<Result>(
    _ configure: (inout ServerConfiguration) -> Void = { _ in },
    _ body: (_ addresses: [String]) throws -> Result
) throws -> Result {
    var configuration = ServerConfiguration()
    configuration.listen = ["127.0.0.1:0"]
    configuration.loops = 1
    configuration.drainSeconds = 0
    configuration.anonymousRead = true
    configuration.anonymousPublish = true
    configure(&configuration)
    let server = Server(configuration)
    try server.start()
    defer {
        server.stop()
        server.wait()
    }
    return try body(server.addresses)
}

/// `http://…` and a channel, in the scheme that a transport is used with.
func channelURL(_ address: String, _ transport: Transport, _ name: String = "a") throws -> ServerURL
{
    let text = transport == .webSocket ? "ws" + address.dropFirst(4) : address
    return try ServerURL("\(text)/channels/\(name)")
}

/// The texts of messages, and what else came in angle brackets.
func texts(_ batch: [Received]) -> [String] {
    batch.map { one in
        switch one {
        case .message(let message): String(decoding: message.payload, as: UTF8.self)
        case .gap: "<gap>"
        case .notice: "<notice>"
        }
    }
}

/// Far beyond what a test takes: it ends a test that would hang.
func testDeadline() -> UInt64 { monotonicMilliseconds() + 60_000 }

/// Follows until `count` messages came; gives all that came, notices left out.
func follow(_ subscriber: Subscriber, count: Int) throws(ClientError) -> [String] {
    var found: [String] = []
    _ = try subscriber.run(until: testDeadline()) { batch in
        found += texts(batch).filter { $0 != "<notice>" }
        return found.count < count
    }
    return found
}

extension Publisher {
    /// Publishes what is not skipped.
    func id(_ data: [UInt8]) throws -> String {
        guard case .published(let id) = try publish(data) else {
            throw ClientError.unreadable("it was skipped")
        }
        return id
    }
}

// MARK: - Sockets

/// A listening TCP socket on 127.0.0.1.
struct TestListener: Sendable {
    let descriptor: Int32
    let port: UInt16

    init() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let fd = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, size) == 0 && listen(fd, 16) == 0 && getsockname(fd, $0, &size) == 0
            }
        }
        precondition(isBound)
        port = UInt16(bigEndian: address.sin_port)
    }

    func accept() -> Int32 { Glibc.accept(descriptor, nil, nil) }
}

/// Answers each connection with the next script and closes it; keeps what was asked.
final class ScriptedServer: Sendable {
    private let listener = TestListener()
    private let heads = Mutex<[String]>([])

    var address: String { "http://127.0.0.1:\(listener.port)" }
    var requests: [String] { heads.withLock { $0 } }

    /// Serves all of `scripts` while `body` runs, which must make as many connections.
    func run(_ scripts: [String], _ body: () throws -> Void) throws {
        let thread = try LoopThread.start(name: "scripted") { [self] in
            for script in scripts { serve(script) }
        }
        defer {
            // Wakes an accept that nobody came for.
            shutdown(listener.descriptor, Int32(SHUT_RDWR))
            thread.join()
            close(listener.descriptor)
        }
        try body()
    }

    private func serve(_ script: String) {
        let peer = listener.accept()
        guard peer >= 0 else { return }
        defer { close(peer) }
        var head: [UInt8] = []
        while !String(decoding: head, as: UTF8.self).contains("\r\n\r\n") {
            var byte: UInt8 = 0
            guard read(peer, &byte, 1) == 1 else { return }
            head.append(byte)
        }
        heads.withLock { $0.append(String(decoding: head, as: UTF8.self)) }
        _ = writeAll(peer, Array(script.utf8))
        // A close with unread input would reset the connection and take the answer along.
        shutdown(peer, Int32(SHUT_WR))
        var rest: UInt8 = 0
        while read(peer, &rest, 1) == 1 {}
    }
}

/// Stands between a client and a gateway, and cuts the first connection once the gateway has sent a
/// given text; before it lets the second one through, it runs `between`.
final class CuttingRelay: Sendable {
    private let listener = TestListener()

    var address: String { "http://127.0.0.1:\(listener.port)" }

    func run(
        to gateway: String, cutAfter marker: String, between: @escaping @Sendable () -> Void,
        _ body: () throws -> Void
    ) throws {
        let place = try ServerURL(gateway + "/x").place
        guard case .tcp(_, let port) = place else { preconditionFailure("\(gateway)") }
        let thread = try LoopThread.start(name: "relay") { [self] in
            var isFirst = true
            while true {
                let client = listener.accept()
                guard client >= 0 else { return }
                if !isFirst { between() }
                relay(client, to: port, until: isFirst ? Array(marker.utf8) : nil)
                isFirst = false
            }
        }
        defer {
            shutdown(listener.descriptor, Int32(SHUT_RDWR))
            thread.join()
            close(listener.descriptor)
        }
        try body()
    }

    private func relay(_ client: Int32, to port: UInt16, until marker: [UInt8]?) {
        let gateway = connected(port)
        defer {
            close(client)
            close(gateway)
        }
        var seen: [UInt8] = []
        var waiting = [
            pollfd(fd: client, events: Int16(POLLIN), revents: 0),
            pollfd(fd: gateway, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&waiting, 2, -1) >= 0 {
            for (index, target) in [gateway, client].enumerated() where waiting[index].revents != 0
            {
                var chunk = [UInt8](repeating: 0, count: 4096)
                let count = read(waiting[index].fd, &chunk, chunk.count)
                guard count > 0, writeAll(target, Array(chunk[..<count])) else { return }
                guard target == client, let marker else { continue }
                seen += chunk[..<count]
                if String(decoding: seen, as: UTF8.self)
                    .contains(String(decoding: marker, as: UTF8.self))
                {
                    return
                }
            }
        }
    }

    private func connected(_ port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        precondition(isConnected)
        return descriptor
    }
}

/// Keeps the port taken, and refuses who comes.
func shutdownListener(_ listener: TestListener) {
    shutdown(listener.descriptor, Int32(SHUT_RDWR))
}
