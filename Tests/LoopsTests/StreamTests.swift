import Glibc
import Testing

@testable import Loops

enum Place: CaseIterable { case ipv4, ipv6, unix }

@Suite struct StreamTests {
    /// Listens and connects `count` clients, which are accepted already.
    private func withClients(
        _ place: Place = .ipv4, count: Int = 1,
        _ body: (Loop, Recorder, [Client]) throws -> Void
    ) throws {
        try withDirectory { directory in
            try withLoop { loop, recorder in
                var clients: [Client] = []
                switch place {
                case .ipv4, .ipv6:
                    let host = place == .ipv4 ? "127.0.0.1" : "::1"
                    let port = try listen(loop, host: host)
                    clients = try (0..<count).map { _ in try Client.tcp(port, host: host) }
                case .unix:
                    try loop.listen(try Listener.unix(path: "\(directory)/s"), tag: 0)
                    clients = try (0..<count).map { _ in try Client.unix("\(directory)/s") }
                }
                recorder.turn { recorder.accepted == count }
                try body(loop, recorder, clients)
            }
        }
    }

    @Test(arguments: Place.allCases)
    func `an echo comes back`(place: Place) throws {
        try withClients(place, count: 3) { loop, recorder, clients in
            recorder.onReceived = { stream, bytes in
                #expect(stream.tryWrite(UnsafeRawBufferPointer(bytes)) == bytes.count)
            }
            for (number, client) in clients.enumerated() {
                let message = Array("client \(number)".utf8)
                client.send(message)
                recorder.turn { recorder.received.count == number + 1 }
                #expect(client.receive(message.count) == message)
            }
            #expect(loop.streamCount == 3)
        }
    }

    @Test(arguments: [(Place.ipv4, "127.0.0.1:"), (.ipv6, "[::1]:"), (.unix, "unix")])
    func `a stream knows its peer`(place: Place, prefix: String) throws {
        try withClients(place) { _, recorder, clients in
            let stream = try #require(recorder.streams[1])
            var expected = prefix
            if place != .unix {
                expected += "\(SocketAddress.local(of: clients[0].descriptor)?.port ?? 0)"
            }
            #expect(stream.peerAddress == expected)
        }
    }

    @Test func `small writes leave at once from the start`() throws {
        try withClients { _, recorder, _ in
            let stream = try #require(recorder.streams[1])
            #expect(option(stream, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
            stream.setNoDelay(false)
            #expect(option(stream, Int32(IPPROTO_TCP), TCP_NODELAY) == 0)
        }
    }

    @Test func `bytes may stay unacknowledged for as long as it is said`() throws {
        try withClients { _, recorder, _ in
            let stream = try #require(recorder.streams[1])
            stream.setUnacknowledgedMax(milliseconds: 60_000)
            #expect(option(stream, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 60_000)
            stream.setUnacknowledgedMax(milliseconds: .max)
            #expect(option(stream, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == .max)
        }
    }

    @Test func `keep-alive is off until asked for`() throws {
        try withClients { _, recorder, _ in
            let stream = try #require(recorder.streams[1])
            #expect(option(stream, SOL_SOCKET, SO_KEEPALIVE) == 0)
            stream.setKeepAlive(afterSeconds: 75)
            #expect(option(stream, SOL_SOCKET, SO_KEEPALIVE) != 0)
            #expect(option(stream, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 75)
            stream.setKeepAlive(afterSeconds: nil)
            #expect(option(stream, SOL_SOCKET, SO_KEEPALIVE) == 0)
        }
    }

    private func option(_ stream: Stream, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        #expect(getsockopt(stream.descriptor, level, name, &value, &size) == 0)
        return value
    }

    @Test(arguments: Place.allCases)
    func `the peer's end comes once, and writing goes on`(place: Place) throws {
        try withClients(place) { loop, recorder, clients in
            clients[0].send([1, 2, 3])
            clients[0].finish()
            recorder.turn { !recorder.ends.isEmpty }
            #expect(recorder.received[1] == [1, 2, 3])
            let stream = try #require(recorder.streams[1])
            stream.startReading()
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.ends.map(\.token) == [1])
            #expect(recorder.ends.map(\.error) == [0])
            let taken = [UInt8]([4, 5]).withUnsafeBytes { stream.tryWrite($0) }
            #expect(taken == 2)
            recorder.close(1)
            #expect(clients[0].receive(9) == [4, 5])
        }
    }

    @Test func `a reset peer ends a stream with its error`() throws {
        try withLoop { loop, recorder in
            let port = try listen(loop)
            var client: Client? = try Client.tcp(port)
            recorder.turn { recorder.accepted == 1 }
            client?.resetOnClose()
            client = nil
            recorder.turn { !recorder.ends.isEmpty }
            #expect(recorder.ends.map(\.error) == [-ECONNRESET])
            #expect(recorder.streams[1]?.peerAddress == "unknown")
            let taken = [UInt8]([1]).withUnsafeBytes { recorder.streams[1]?.tryWrite($0) }
            #expect(taken == -Int(EPIPE))
        }
    }

    @Test(arguments: Place.allCases)
    func `a half-closed stream still reads`(place: Place) throws {
        try withClients(place) { loop, recorder, clients in
            let stream = try #require(recorder.streams[1])
            stream.shutdown()
            stream.shutdown()
            loop.turn(block: false)
            #expect(clients[0].receive(1) == [])
            clients[0].send([7])
            recorder.turn { recorder.received[1] == [7] }
            let refused = [UInt8]([1]).withUnsafeBytes { stream.queue(copying: $0) }
            #expect(refused == -EPIPE)
            #expect(!stream.hasQueuedWrite)
        }
    }

    @Test func `a stopped stream leaves its bytes with the kernel`() throws {
        try withClients { loop, recorder, clients in
            let stream = try #require(recorder.streams[1])
            stream.stopReading()
            clients[0].send([1, 2])
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.received.isEmpty)
            stream.startReading()
            recorder.turn { recorder.received[1] == [1, 2] }
        }
    }

    @Test(arguments: Place.allCases)
    func `a stream closed from within its own event says no more`(place: Place) throws {
        try withClients(place, count: 2) { loop, recorder, clients in
            recorder.onReceived = { stream, _ in recorder.close(stream.token) }
            clients[0].send(pattern(200_000))
            recorder.turn { recorder.streams[1] == nil }
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.ends.isEmpty)
            #expect(loop.streamCount == 1)
        }
    }

    @Test func `closing with reset resets the peer, also after a half close`() throws {
        try withClients(count: 2) { loop, recorder, clients in
            recorder.streams[2]?.shutdown()
            loop.turn(block: false)
            #expect(clients[1].receive(1) == [])
            recorder.close(1, reset: true)
            recorder.close(2, reset: true)
            for client in clients {
                let count = send(client.descriptor, "x", 1, Int32(MSG_NOSIGNAL))
                #expect(count == -1)
                #expect([ECONNRESET, EPIPE].contains(errno))
            }
        }
    }

    @Test func `closing without reset is an orderly end`() throws {
        try withClients { _, recorder, clients in
            recorder.close(1)
            #expect(clients[0].receive(1) == [])
        }
    }

    @Test func `the handler may close a stream as it is accepted`() throws {
        try withLoop { loop, recorder in
            let port = try listen(loop)
            recorder.onAccepted = { recorder.close($0.token) }
            let client = try Client.tcp(port)
            recorder.turn { recorder.accepted == 1 }
            #expect(client.receive(1) == [])
            #expect(loop.streamCount == 0)
        }
    }

    @Test func `a stream outlives its handler's reference until its close callback`() throws {
        try withClients { loop, recorder, clients in
            weak let stream = recorder.streams[1]
            #expect(stream != nil)
            recorder.close(1)
            #expect(stream != nil)
            loop.turn(block: false)
            #expect(stream == nil)
        }
    }

    @Test(arguments: [(Place.ipv4, 288), (.unix, 304)])
    func `an idle stream is one allocation of known size`(place: Place, bytes: Int) throws {
        try withClients(place) { _, recorder, _ in
            let stream = try #require(recorder.streams[1])
            // malloc keeps eight bytes of its own before each block, and leaves a block as it found
            // it if it would be only 16 bytes smaller.
            let usableSize = unsafeBitCast(
                try #require(dlsym(nil, "malloc_usable_size")),
                to: (@convention(c) (UnsafeMutableRawPointer) -> Int).self)
            let size = usableSize(Unmanaged.passUnretained(stream).toOpaque()) + 8
            #expect([bytes, bytes + 16].contains(size))
        }
    }

    @Test func `closing a stream twice is a programmer's error`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try Loop()
            let recorder = Recorder(loop)
            let client = try Client.tcp(try listen(loop))
            recorder.turn { recorder.accepted == 1 }
            let stream = try #require(recorder.streams[1])
            stream.close()
            stream.close()
            withExtendedLifetime(client) {}
        }
    }
}
