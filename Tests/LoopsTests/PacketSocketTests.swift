import Glibc
import Testing

@testable import Loops

@Suite struct PacketSocketTests {
    /// Both ends of a conversation.
    private func withPair(
        _ body: (PacketSocket, PacketSocket, _ stop: StopPipe) throws -> Void
    ) throws {
        try withDirectory { directory in
            let stop = try StopPipe()
            let listener = try PacketListener(path: "\(directory)/s", stop: stop)
            let client = try #require(
                try PacketSocket.connect(path: "\(directory)/s", stop: stop))
            try body(client, try #require(listener.accept()), stop)
        }
    }

    @Test func `packets arrive whole, in order, and with their descriptors`() throws {
        try withPair { client, server, _ in
            let listener = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
            #expect(client.send([1], milliseconds: 0))
            #expect(client.send([2, 3], try listener.share(), milliseconds: 0))
            #expect(client.send([UInt8](repeating: 4, count: 1024), milliseconds: 0))
            guard case .packet([1], nil) = server.receive(milliseconds: 0),
                case .packet([2, 3], let descriptor?) = server.receive(milliseconds: 0),
                case .packet(let last, nil) = server.receive(milliseconds: 0)
            else {
                Issue.record("not what was sent")
                return
            }
            #expect(last == [UInt8](repeating: 4, count: 1024))
            #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
            #expect(try Listener.adopting(descriptor, ownsFile: false).port == listener.port)
        }
    }

    @Test func `a peer that hangs up has ended, after what it said`() throws {
        try withDirectory { directory in
            let stop = try StopPipe()
            let listener = try PacketListener(path: "\(directory)/s", stop: stop)
            var client = try PacketSocket.connect(path: "\(directory)/s", stop: stop)
            let server = try #require(listener.accept())
            #expect(client?.send([7], milliseconds: 0) == true)
            client = nil
            guard case .packet([7], nil) = server.receive(milliseconds: 0),
                case .ended = server.receive(milliseconds: 0)
            else {
                Issue.record("not as it should end")
                return
            }
            #expect(!server.send([1], milliseconds: 0))
        }
    }

    @Test func `a peer that says nothing is waited for so long, and no longer once stopped`() throws
    {
        try withPair { client, server, stop in
            guard case .timedOut = server.receive(milliseconds: 0) else {
                Issue.record("something came")
                return
            }
            stop.stop()
            guard case .stopped = server.receive(milliseconds: 3_600_000) else {
                Issue.record("not stopped")
                return
            }
            withExtendedLifetime(client) {}
        }
    }

    @Test func `a peer that takes nothing is not waited for without end`() throws {
        try withPair { client, server, _ in
            var sent = 0
            while sent < 100_000, client.send([1], milliseconds: 0) { sent += 1 }
            #expect(sent > 0 && sent < 100_000)
            withExtendedLifetime(server) {}
        }
    }

    @Test func `where nobody listens there is no conversation`() throws {
        try withDirectory { directory in
            let stop = try StopPipe()
            #expect(try PacketSocket.connect(path: "\(directory)/s", stop: stop) == nil)
            // A dead process's file.
            let address = try SocketAddress(path: "\(directory)/s")
            let dead = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)
            #expect(address.withSockaddr { bind(dead, $0, $1) } == 0)
            close(dead)
            #expect(try PacketSocket.connect(path: "\(directory)/s", stop: stop) == nil)
            let listener = try PacketListener(path: "\(directory)/s", stop: stop)
            #expect(try PacketSocket.connect(path: "\(directory)/s", stop: stop) != nil)
            withExtendedLifetime(listener) {}
        }
    }

    @Test func `a path has one listener, for its owner only, and its file goes with it`() throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            let stop = try StopPipe()
            var listener: PacketListener? = try PacketListener(path: path, stop: stop)
            var status = stat()
            try #require(stat(path, &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o600)
            let refusal = LoopError.bindRefused(address: "unix:\(path)", code: -EADDRINUSE)
            #expect(throws: refusal) { try PacketListener(path: path, stop: stop) }
            listener = nil
            #expect(listener == nil && !fileExists(path))
        }
    }

    @Test func `a path where streams are accepted is left alone`() throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            let streams = try Listener.unix(path: path)
            let stop = try StopPipe()
            #expect(throws: LoopError.bindRefused(address: "unix:\(path)", code: -EADDRINUSE)) {
                try PacketListener(path: path, stop: stop)
            }
            #expect(throws: LoopError.socketNotMade(address: "unix:\(path)", code: -EPROTOTYPE)) {
                try PacketSocket.connect(path: path, stop: stop)
            }
            withExtendedLifetime(streams) {}
        }
    }

    @Test func `a process of the same user is trusted`() throws {
        try withPair { client, server, _ in
            #expect(client.isPeerTrusted)
            #expect(server.isPeerTrusted)
        }
    }

    @Test func `waiting for somebody ends when it is told to`() throws {
        try withDirectory { directory in
            let stop = try StopPipe()
            let listener = try PacketListener(path: "\(directory)/s", stop: stop)
            let thread = try LoopThread.start(name: "stopper") { stop.stop() }
            #expect(listener.accept() == nil)
            thread.join()
            #expect(listener.accept() == nil)
        }
    }
}

@Suite struct StopPipeTests {
    @Test func `time passes until it is stopped, and stopped it stays`() throws {
        let stop = try StopPipe()
        #expect(stop.wait(milliseconds: 0) == .timedOut)
        #expect(stop.wait(milliseconds: 1) == .timedOut)
        for _ in 0..<100_000 { stop.stop() }
        #expect(stop.wait(milliseconds: 3_600_000) == .stopped)
        #expect(stop.wait(milliseconds: 0) == .stopped)
    }
}

@Suite struct DatagramSenderTests {
    private func hear(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    @Test(arguments: [true, false])
    func `a text arrives at a path and at an abstract name`(isAbstract: Bool) throws {
        try withDirectory { directory in
            let name = "carillon-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            let address =
                isAbstract
                ? try SocketAddress(abstract: name) : try SocketAddress(path: "\(directory)/n")
            let hearing = OwnedDescriptor(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
            #expect(address.withSockaddr { bind(hearing.number, $0, $1) } == 0)
            let target = isAbstract ? "@\(name)" : "\(directory)/n"
            let sender = try #require(DatagramSender(target: target))
            sender.send("READY=1\nSTATUS=well")
            #expect(hear(hearing.number) == "READY=1\nSTATUS=well")
            unlink("\(directory)/n")
        }
    }

    @Test func `a text for nobody is lost`() throws {
        let sender = try #require(DatagramSender(target: "/nowhere/at/all"))
        sender.send("READY=1")
    }

    @Test(arguments: ["", "relative", "/" + String(repeating: "x", count: 107)])
    func `what is no target is none`(target: String) {
        #expect(DatagramSender(target: target) == nil)
    }
}
