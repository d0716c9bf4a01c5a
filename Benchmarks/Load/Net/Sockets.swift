// Client sockets over loopback, and the process's limit of descriptors.

import Glibc

enum Sockets {
    private static let bindAddressNoPort: Int32 = 24  // IP_BIND_ADDRESS_NO_PORT

    /// Begins to connect from an address of its own: 127.1.0.0/16 onwards, one per `index`, so that
    /// the ports of one address bound nothing.
    ///
    /// - Parameter index: 0…8,000,000.
    /// - Returns: a socket that does not block; the connection is made when it becomes writable.
    static func connect(to host: UInt32, port: UInt16, index: Int) throws(Failure) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(AF_INET, kind, 0)
        guard socket >= 0 else { throw Failure("socket: \(errorText())") }
        enable(Int32(IPPROTO_TCP), TCP_NODELAY, on: socket)
        if host >> 24 == 127 {
            // Without this option the kernel takes a port at bind, one for all destinations.
            enable(Int32(IPPROTO_IP), bindAddressNoPort, on: socket)
            var source = address(0x7f01_0001 &+ UInt32(index), 0)
            guard call(&source, { bind(socket, $0, $1) }) == 0 else {
                throw closing(socket, "bind")
            }
        }
        var target = address(host, port)
        if call(&target, { Glibc.connect(socket, $0, $1) }) != 0, errno != EINPROGRESS {
            throw closing(socket, "connect")
        }
        return socket
    }

    /// Sends a request on a connection of its own, and waits for the answer, 10 s at most.
    ///
    /// - Returns: its status.
    static func ask(_ host: UInt32, _ port: UInt16, _ request: [UInt8]) throws(Failure) -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure("socket: \(errorText())") }
        defer { close(socket) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var target = address(host, port)
        guard call(&target, { Glibc.connect(socket, $0, $1) }) == 0,
            write(socket, request, request.count) == request.count
        else { throw Failure("port \(port): \(errorText())") }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            if let head = answer.withUnsafeBytes({ ResponseHead.parse($0) }) { return head.status }
            let count = read(socket, &chunk, chunk.count)
            guard count > 0 else { throw Failure("port \(port) did not answer: \(errorText())") }
            answer += chunk[..<count]
        }
    }

    /// The error with which a connection attempt ended; 0 when it succeeded.
    static func connectError(_ socket: Int32) -> Int32 {
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size)
        return error
    }

    /// An IPv4 address in dotted form, in host byte order; nil when it is none.
    static func parse(_ host: String) -> UInt32? {
        var parsed = in_addr()
        guard inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &parsed) == 1 else {
            return nil
        }
        return UInt32(bigEndian: parsed.s_addr)
    }

    /// Raises the soft limit of descriptors to the hard one.
    ///
    /// - Returns: the limit.
    @discardableResult
    static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        let which = __rlimit_resource_t(7)  // RLIMIT_NOFILE, an enum case that is not imported
        getrlimit(which, &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(which, &limit)
        return Int(clamping: limit.rlim_cur)
    }

    private static func enable(_ level: Int32, _ option: Int32, on socket: Int32) {
        var one: Int32 = 1
        setsockopt(socket, level, option, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func address(_ host: UInt32, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bigEndian
        return address
    }

    private static func call(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func closing(_ socket: Int32, _ what: String) -> Failure {
        let failure = Failure("\(what): \(errorText())")
        close(socket)
        return failure
    }
}
