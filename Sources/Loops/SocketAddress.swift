// A socket address of any family, and names turned into such. `getaddrinfo` blocks: it belongs to
// the start of the program, not onto a loop's thread.

internal import CLibuv
internal import Glibc

/// A `sockaddr_storage` with its length. Any thread.
struct SocketAddress: Equatable {
    private var storage: sockaddr_storage
    private(set) var count: socklen_t

    /// Copies `count` bytes, at most the storage's 128.
    init(copying address: UnsafePointer<sockaddr>, count: socklen_t) {
        storage = sockaddr_storage()
        self.count = min(count, socklen_t(MemoryLayout<sockaddr_storage>.size))
        withUnsafeMutableBytes(of: &storage) { target in
            target.copyMemory(
                from: UnsafeRawBufferPointer(start: address, count: Int(self.count)))
        }
    }

    /// A Unix socket's address.
    ///
    /// - Throws: `pathLength` if the path and its terminating zero do not fit.
    init(path: String) throws(LoopError) {
        var address = sockaddr_un()
        let bytesMax = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard !path.isEmpty, path.utf8.count <= bytesMax else {
            throw .pathLength(path: path, bytesMax: bytesMax)
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        self = withUnsafeBytes(of: &address) { bytes in
            let start = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            return SocketAddress(copying: start, count: socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }

    /// A Unix socket's address without a file (unix(7)): a zero byte, then the name.
    init(abstract name: String) throws(LoopError) {
        self = try SocketAddress(path: "@" + name)
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        withUnsafeMutableBytes(of: &storage) { $0[offset] = 0 }
        count = socklen_t(offset + 1 + name.utf8.count)
    }

    /// Asks `getsockname` or `getpeername`; nil if the socket has no such address (any more).
    init?(
        of descriptor: Int32,
        asking query: (Int32, UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32
    ) {
        storage = sockaddr_storage()
        count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutableBytes(of: &storage) { bytes in
            query(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &count)
        }
        guard code == 0 else { return nil }
    }

    static func local(of descriptor: Int32) -> SocketAddress? {
        SocketAddress(of: descriptor) { getsockname($0, $1, &$2) }
    }

    static func peer(of descriptor: Int32) -> SocketAddress? {
        SocketAddress(of: descriptor) { getpeername($0, $1, &$2) }
    }

    var family: Int32 { Int32(storage.ss_family) }

    /// The port of an IPv4 or IPv6 address; 0 for others.
    var port: UInt16 {
        get {
            guard family == AF_INET || family == AF_INET6 else { return 0 }
            // Both families keep the port in the two bytes after the family.
            return withUnsafeBytes(of: storage) { bytes in
                UInt16(bigEndian: bytes.load(fromByteOffset: Self.portOffset, as: UInt16.self))
            }
        }
        set {
            precondition(family == AF_INET || family == AF_INET6, "no port in this family")
            withUnsafeMutableBytes(of: &storage) { bytes in
                bytes.storeBytes(
                    of: newValue.bigEndian, toByteOffset: Self.portOffset, as: UInt16.self)
            }
        }
    }

    private static let portOffset = 2

    /// The address without its port; nil for other families.
    var host: PeerHost? {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            // After the family and the port (ip(7)).
            case AF_INET:
                .ipv4(UInt32(bigEndian: bytes.load(fromByteOffset: 4, as: UInt32.self)))
            // After those and the flow label (ipv6(7)).
            case AF_INET6:
                .ipv6(
                    UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self)),
                    UInt64(bigEndian: bytes.load(fromByteOffset: 16, as: UInt64.self)))
            default: nil
            }
        }
    }

    /// A Unix socket's path, or `@` and an abstract name (unix(7)); nil for other families.
    var path: String? {
        guard family == AF_UNIX else { return nil }
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        let bytes = withUnsafeBytes(of: storage) { Array($0[offset..<max(offset, Int(count))]) }
        if bytes.first == 0 { return "@" + String(decoding: bytes.dropFirst(), as: UTF8.self) }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Runs `body` on the address as the socket calls want it.
    func withSockaddr<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafeBytes(of: storage) { bytes in
            body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), count)
        }
    }

    /// `127.0.0.1:80`, `[::1]:80`, or `unix`: the client of a Unix socket has no name.
    var text: String {
        guard family != AF_UNIX else { return "unix" }
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = withSockaddr { address, count in
            getnameinfo(
                address, count, &host, socklen_t(host.count), nil, 0, Int32(NI_NUMERICHOST))
        }
        guard code == 0 else { return "unknown" }
        let name = Loops.text(host)
        return family == AF_INET6 ? "[\(name)]:\(port)" : "\(name):\(port)"
    }

    static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        guard left.count == right.count else { return false }
        return withUnsafeBytes(of: left.storage) { a in
            withUnsafeBytes(of: right.storage) { b in
                memcmp(a.baseAddress!, b.baseAddress!, Int(left.count)) == 0
            }
        }
    }

    /// All stream addresses of a host, each once, in the resolver's order.
    ///
    /// - Parameter host: a name or numeric address; empty for all interfaces.
    static func resolve(host: String, port: UInt16) throws(LoopError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        // The resolver wants a service when there is no host; the port is set below, for all.
        let code = getaddrinfo(host.isEmpty ? nil : host, "0", &hints, &list)
        guard code == 0 else {
            throw .hostUnknown(host: host, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let address = entry.pointee.ai_addr else { continue }
            var one = SocketAddress(copying: address, count: entry.pointee.ai_addrlen)
            guard one.family == AF_INET || one.family == AF_INET6 else { continue }
            one.port = port
            // A hosts file may name one address twice; the second could not be bound.
            if !found.contains(one) { found.append(one) }
        }
        guard !found.isEmpty else {
            throw .hostUnknown(host: host, reason: "no IPv4 or IPv6 address")
        }
        return found
    }
}
