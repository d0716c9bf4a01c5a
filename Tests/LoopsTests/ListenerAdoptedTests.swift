import Glibc
import Testing

@testable import Loops

@Suite struct ListenerAdoptedTests {
    private func tcp(reusePort: Bool = true) throws -> Listener {
        try #require(try Listener.tcp(host: "127.0.0.1", port: 0, reusePort: reusePort).first)
    }

    /// A descriptor that is closed with the test.
    private func owned(_ domain: Int32, _ type: Int32) -> OwnedDescriptor {
        OwnedDescriptor(socket(domain, type, 0))
    }

    private var stream: Int32 { Int32(SOCK_STREAM.rawValue) }

    @Test func `who waited in the queue is accepted by the adopter, though the first has closed`()
        throws
    {
        try withLoop { loop, recorder in
            var first: Listener? = try tcp()
            let port = try #require(first).port
            let early = try Client.tcp(port)
            let adopted = try Listener.adopting(try #require(first).share(), ownsFile: true)
            first = nil
            #expect(adopted.port == port)
            try loop.listen(adopted, tag: 3)
            recorder.turn { recorder.accepted == 1 }
            #expect(recorder.listeners == [3])
            withExtendedLifetime(early) {}
        }
    }

    @Test func `an adopted socket does not block, and is not inherited`() throws {
        let bare = owned(AF_INET, stream)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(bare.number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(bound == 0 && listen(bare.number, 1) == 0)
        let adopted = try Listener.adopting(bare, ownsFile: false)
        #expect(fcntl(adopted.borrowed, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(adopted.borrowed, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `what is no listening stream socket is refused`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let all =
            ends.map { OwnedDescriptor($0) } + [
                owned(AF_INET, stream), owned(AF_UNIX, stream),
                owned(AF_INET, Int32(SOCK_DGRAM.rawValue)),
            ]
        for one in all {
            #expect(throws: LoopError.notListening(descriptor: one.number)) {
                try Listener.adopting(one, ownsFile: false)
            }
        }
        let listener = try tcp()
        let client = try Client.tcp(listener.port)
        let connected = OwnedDescriptor(dup(client.descriptor))
        #expect(throws: LoopError.notListening(descriptor: connected.number)) {
            try Listener.adopting(connected, ownsFile: false)
        }
    }

    @Test func `a socket of packets is refused as a stream's`() throws {
        try withDirectory { directory in
            let packets = try Listener.unix(path: "\(directory)/s", packets: true)
            let shared = try packets.share()
            #expect(throws: LoopError.notListening(descriptor: shared.number)) {
                try Listener.adopting(shared, ownsFile: false)
            }
        }
    }

    @Test(arguments: [true, false])
    func `a file goes with its adopter if it is the adopter's`(ownsFile: Bool) throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            var first: Listener? = try Listener.unix(path: path)
            var adopted: Listener? = try Listener.adopting(
                try #require(first).share(), ownsFile: ownsFile)
            #expect(adopted?.address == .unix(path: path))
            first?.setOwnsFile(false)
            first = nil
            #expect(fileExists(path))
            _ = try Client.unix(path)
            adopted = nil
            #expect(fileExists(path) == !ownsFile)
            unlink(path)
        }
    }

    @Test func `a file that was given away and taken back is unlinked`() throws {
        try withDirectory { directory in
            var listener: Listener? = try Listener.unix(path: "\(directory)/s")
            listener?.setOwnsFile(false)
            listener?.setOwnsFile(true)
            listener = nil
            #expect(!fileExists("\(directory)/s"))
        }
    }

    @Test func `an abstract socket is adopted under its name`() throws {
        let bare = owned(AF_UNIX, stream)
        let name = "carillon-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let address = try SocketAddress(abstract: name)
        let bound = address.withSockaddr { bind(bare.number, $0, $1) }
        try #require(bound == 0 && listen(bare.number, 1) == 0)
        #expect(try Listener.adopting(bare, ownsFile: true).address == .unix(path: "@\(name)"))
    }

    @Test(arguments: [true, false])
    func `siblings are possible where the port may be shared`(reusePort: Bool) throws {
        let listener = try tcp(reusePort: reusePort)
        #expect(listener.mayHaveSiblings == reusePort)
        let sibling = try? listener.sibling()
        #expect((sibling != nil) == reusePort)
    }

    @Test func `a duplicate accepts from the same queue, on another loop`() throws {
        try withLoop { firstLoop, firstRecorder in
            try withLoop { secondLoop, secondRecorder in
                let first = try tcp(reusePort: false)
                try secondLoop.listen(try first.duplicate(), tag: 0)
                try firstLoop.listen(first, tag: 0)
                let clients = try (0..<8).map { _ in try Client.tcp(first.port) }
                secondRecorder.turn { secondRecorder.accepted == clients.count }
                firstLoop.stopListening(tag: 0)
                _ = try Client.tcp(first.port)
                secondRecorder.turn { secondRecorder.accepted == clients.count + 1 }
                #expect(firstRecorder.accepted == 0)
            }
        }
    }

    // MARK: - Which of those offered

    private func open(
        _ text: String, _ offered: [Listener], exclusive: Bool = true
    ) throws -> [[Listener]] {
        try Listener.open(
            try ListenAddress.parse(text), offered: offered, exclusive: exclusive)
    }

    @Test func `all offered for the address are taken, others are not`() throws {
        let first = try tcp()
        let sibling = try first.sibling()
        let other = try tcp()
        let open = try open("127.0.0.1:\(first.port)", [other, first, sibling])
        #expect(open.count == 1)
        #expect(open[0].count == 2 && open[0][0] === first && open[0][1] === sibling)
    }

    @Test func `an address that nobody offers is bound`() throws {
        let other = try tcp()
        let port = try { try tcp(reusePort: false).port }()
        let open = try open("127.0.0.1:\(port)", [other])
        #expect(open.count == 1 && open[0].count == 1)
        #expect(open[0][0] !== other && open[0][0].port == port)
    }

    @Test func `of a host's addresses those that are missing are bound`() throws {
        let all = try Listener.tcp(host: "", port: 0)
        let port = all[0].port
        let first = all[0]
        guard all.count > 1 else { return }
        // The others are closed before they are bound anew.
        let rest = all.count - 1
        let open = try { [offered = [first]] in
            try self.open(":\(port)", offered, exclusive: false)
        }()
        #expect(open.count == rest + 1)
        #expect(open[0].count == 1 && open[0][0] === first)
        #expect(Set(open.map { "\($0[0].address)" }).count == rest + 1)
    }

    @Test func `with port 0 all that is offered is taken, by address`() throws {
        let first = try tcp()
        let sibling = try first.sibling()
        let other = try tcp()
        let open = try open("127.0.0.1:0", [first, other, sibling])
        #expect(Set(open.map(\.count)) == [1, 2])
        let none = try self.open("127.0.0.1:0", [])
        #expect(none.count == 1 && none[0].count == 1)
    }

    @Test func `a port of another process is refused, unless it is offered or may be shared`()
        throws
    {
        let taken = try tcp()
        let name = "127.0.0.1:\(taken.port)"
        #expect(throws: LoopError.bindRefused(address: name, code: -EADDRINUSE)) {
            try open(name, [])
        }
        #expect(try open(name, [], exclusive: false).count == 1)
        #expect(try open(name, [taken])[0][0] === taken)
    }

    @Test func `a path is taken if it is offered and bound if not`() throws {
        try withDirectory { directory in
            let offered = try Listener.unix(path: "\(directory)/a")
            #expect(try open("unix:\(directory)/a", [offered])[0][0] === offered)
            let made = try open("unix:\(directory)/b", [offered])
            #expect(made[0][0] !== offered && fileExists("\(directory)/b"))
        }
    }
}
