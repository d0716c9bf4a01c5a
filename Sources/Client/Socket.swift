// One connected stream socket that blocks no longer than it is told to. Bytes only: no TLS, no
// HTTP.

private import Glibc

/// What a read came to.
enum Arrival: Equatable {
    /// 1 to 65536 bytes.
    case bytes([UInt8])
    /// The peer has sent its last byte.
    case closed
    /// The deadline came first.
    case timedOut
}

/// A TCP or Unix stream socket. One thread.
final class Socket {
    static let readBytesMax = 65_536

    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    // MARK: Connecting

    /// Tries a place's addresses one after the other, in the resolver's order.
    ///
    /// - Parameter deadline: shared out evenly, so that one address that swallows everything leaves
    ///   time for the next. Resolving a name takes as long as the resolver takes.
    static func connect(
        to place: ServerURL.Place, until deadline: UInt64
    ) throws(ClientError) -> Socket {
        let addresses: [Address]
        let name: String
        switch place {
        case .tcp(let host, let port):
            addresses = try Address.resolve(host: host, port: port)
            name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path):
            addresses = [Address(unixPath: path)]
            name = path
        }
        var code: Int32 = 0
        for (index, address) in addresses.enumerated() {
            let now = monotonicMilliseconds()
            let share = (max(deadline, now) - now) / UInt64(addresses.count - index)
            switch attempt(address, until: now + share) {
            case .success(let socket): return socket
            case .failure(let refusal): code = refusal.code
            }
        }
        throw .unreachable(place: name, reason: String(cString: strerror(code)))
    }

    private struct Refusal: Error { let code: Int32 }

    private static func attempt(_ address: Address, until deadline: UInt64) -> Result<
        Socket, Refusal
    > {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return .failure(Refusal(code: errno)) }
        let made = Socket(descriptor)
        if address.family != AF_UNIX {
            var on: Int32 = 1
            // Without it a small message waits for the acknowledgement of the one before.
            setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on,
                socklen_t(MemoryLayout<Int32>.size))
        }
        let result = address.withSockaddr { Glibc.connect(descriptor, $0, $1) }
        if result == 0 { return .success(made) }
        guard errno == EINPROGRESS else { return .failure(Refusal(code: errno)) }
        guard made.isReady(POLLOUT, until: deadline) else {
            return .failure(Refusal(code: ETIMEDOUT))
        }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? .success(made) : .failure(Refusal(code: code))
    }

    // MARK: Reading and writing

    /// Whether the socket can be read or written before `deadline`. A broken one counts as ready:
    /// the call that follows tells.
    private func isReady(_ events: Int32, until deadline: UInt64?) -> Bool {
        var asked = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        while true {
            let timeout = pollTimeout(until: deadline)
            let count = poll(&asked, 1, timeout)
            if count > 0 { return true }
            if count == 0 && timeout == 0 { return false }
        }
    }

    /// Whether something waits to be read, the end of the stream included.
    var hasInput: Bool { isReady(POLLIN, until: 0) }

    func receive(until deadline: UInt64?) throws(ClientError) -> Arrival {
        while true {
            guard isReady(POLLIN, until: deadline) else { return .timedOut }
            var code: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: Self.readBytesMax) { buffer, count in
                let read = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                if read < 0 { code = errno }
                count = max(read, 0)
            }
            if code == 0 { return bytes.isEmpty ? .closed : .bytes(bytes) }
            guard code == EINTR || code == EAGAIN else {
                throw .broken(reason: String(cString: strerror(code)))
            }
        }
    }

    func send(_ bytes: UnsafeBufferPointer<UInt8>, until deadline: UInt64) throws(ClientError) {
        let start = monotonicMilliseconds()
        var sent = 0
        while sent < bytes.count {
            let rest = UnsafeBufferPointer(rebasing: bytes[sent...])
            // Not a signal when the peer is gone: an error, like any other.
            let count = Glibc.send(
                descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                guard isReady(POLLOUT, until: deadline) else {
                    throw .overdue(
                        what: "room for what is to be sent",
                        milliseconds: monotonicMilliseconds() - start)
                }
            } else if errno != EINTR {
                throw .broken(reason: String(cString: strerror(errno)))
            }
        }
    }
}

/// An address as the socket calls want it.
private struct Address {
    private var storage = sockaddr_storage()
    private var count: socklen_t

    private init(copying address: UnsafePointer<sockaddr>, count: socklen_t) {
        self.count = count
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(count)))
        }
    }

    /// - Parameter unixPath: 1 to 107 bytes.
    init(unixPath: String) {
        count = socklen_t(MemoryLayout<sockaddr_un>.size)
        withUnsafeMutableBytes(of: &storage) { bytes in
            let address = bytes.baseAddress!.assumingMemoryBound(to: sockaddr_un.self)
            address.pointee.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.pointee.sun_path) {
                $0.copyBytes(from: unixPath.utf8)
            }
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafeBytes(of: storage) { bytes in
            body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), count)
        }
    }

    static func resolve(host: String, port: UInt16) throws(ClientError) -> [Address] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else {
            throw .hostUnknown(host: host, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: [Address] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let address = entry.pointee.ai_addr else { continue }
            found.append(Address(copying: address, count: entry.pointee.ai_addrlen))
        }
        guard !found.isEmpty else {
            throw .hostUnknown(host: host, reason: "it has no address")
        }
        return found
    }
}
