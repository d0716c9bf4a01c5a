import Glibc
import Testing

@testable import Loops

enum Place: CaseIterable { case ipv4, ipv6, unix }

/// Listens and connects `count` clients, which are accepted already: their tokens are 1 to `count`.
func withClients(
    _ place: Place = .ipv4, count: Int = 1, eventsPerTurnMax: Int = 1_024, readsAtOnce: Bool = true,
    _ body: (Loop, Recorder, [Client]) throws -> Void
) throws {
    try withDirectory { directory in
        try withLoop(eventsPerTurnMax: eventsPerTurnMax) { loop, recorder in
            recorder.readsAtOnce = readsAtOnce
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

@Suite struct StreamTests {
    @Test(arguments: Place.allCases)
    func `an echo comes back`(place: Place) throws {
        try withClients(place, count: 3) { loop, recorder, clients in
            recorder.onReceived = { token, bytes in
                #expect(
                    recorder.streams[token]?.write(UnsafeRawBufferPointer(bytes)) == bytes.count)
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

    @Test(arguments: zip(Place.allCases, [PeerHost.ipv4(0x7F00_0001), .ipv6(0, 1), nil]))
    func `a stream knows its peer`(place: Place, host: PeerHost?) throws {
        try withClients(place) { _, recorder, _ in
            let stream = try #require(recorder.streams[1])
            #expect(stream.peerHost == host)
        }
    }

    @Test(arguments: Place.allCases)
    func `the peer's end comes once, and writing goes on`(place: Place) throws {
        try withClients(place) { loop, recorder, clients in
            clients[0].send([1, 2, 3])
            clients[0].finish()
            recorder.turn { !recorder.ends.isEmpty }
            #expect(recorder.received[1] == [1, 2, 3])
            let stream = try #require(recorder.streams[1])
            recorder.turnIdly()
            #expect(recorder.ends.map(\.token) == [1])
            #expect(recorder.ends.map(\.error) == [0])
            #expect([UInt8]([4, 5]).withUnsafeBytes { stream.write($0) } == 2)
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
            let stream = try #require(recorder.streams[1])
            #expect(stream.peerHost == nil)
            #expect([UInt8]([1]).withUnsafeBytes { stream.write($0) } == -Int(EPIPE))
        }
    }

    @Test(arguments: Place.allCases)
    func `a half-closed stream still reads`(place: Place) throws {
        try withClients(place) { loop, recorder, clients in
            let stream = try #require(recorder.streams[1])
            stream.shutdown()
            stream.shutdown()
            #expect(clients[0].receive(1) == [])
            clients[0].send([7])
            recorder.turn { recorder.received[1] == [7] }
            #expect([UInt8]([1]).withUnsafeBytes { stream.write($0) } == -Int(EPIPE))
        }
    }

    @Test func `one read takes 64 KiB, and what is left is reported again`() throws {
        try withClients(.unix) { loop, recorder, clients in
            let bytes = pattern(Loop.readBytesMax + 1)
            var reads: [Int] = []
            recorder.onReceived = { _, bytes in reads.append(bytes.count) }
            // So much that all of it is there before the first read.
            var room: Int32 = 1 << 20
            setsockopt(
                clients[0].descriptor, SOL_SOCKET, SO_SNDBUF, &room,
                socklen_t(MemoryLayout<Int32>.size))
            clients[0].send(bytes)
            recorder.turn { recorder.received[1]?.count == bytes.count }
            #expect(recorder.received[1] == bytes)
            #expect(reads == [Loop.readBytesMax, 1])
        }
    }

    @Test func `what is reported may be gone when it is read`() throws {
        try withClients { loop, recorder, _ in
            let stream = try #require(recorder.streams[1])
            guard case .nothing = loop.read(stream) else {
                Issue.record("nobody has sent anything")
                return
            }
        }
    }

    // MARK: - Closing

    @Test(arguments: Place.allCases)
    func `a stream closed from within its own event says no more`(place: Place) throws {
        try withClients(place, count: 2) { loop, recorder, clients in
            recorder.onReceived = { token, _ in recorder.close(token) }
            clients[0].send(pattern(200_000))
            recorder.turn { recorder.streams[1] == nil }
            let reported = recorder.readable.count
            recorder.turnIdly()
            #expect(recorder.readable.count == reported)
            #expect(recorder.ends.isEmpty)
            #expect(loop.streamCount == 1)
        }
    }

    @Test func `closing with reset resets the peer, also after a half close`() throws {
        try withClients(count: 2) { loop, recorder, clients in
            recorder.streams[2]?.shutdown()
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
            recorder.onAccepted = { recorder.close($0) }
            let client = try Client.tcp(port)
            recorder.turn { recorder.accepted == 1 }
            #expect(client.receive(1) == [])
            #expect(loop.streamCount == 0)
        }
    }

    @Test func `closing a stream twice is a programmer's error`() async {
        await #expect(processExitsWith: .failure) {
            try withClients { loop, recorder, _ in
                let stream = try #require(recorder.streams[1])
                loop.close(stream)
                loop.close(stream)
            }
        }
    }
}
