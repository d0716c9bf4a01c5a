import Glibc
import Ring
import Testing
import Wire

@testable import Gateway
@testable import Hub
@testable import Loops

/// One worker, turned by hand, and clients that are plain sockets.
private final class Rim {
    let worker: Worker
    let port: UInt16
    private var turn = TurnOutput()

    init(_ configure: (inout Settings) -> Void = { _ in }) throws {
        var settings = Settings(
            epoch: Epoch.make(random: 7), hashKey: HashKey(1, 2), loops: 1)
        settings.access.anonymousRead = true
        settings.access.anonymousPublish = true
        settings.limits.messageBytesMax = 16 << 20
        settings.limits.backlogBytesMax = 16 << 20
        // Nothing here is about time, and a busy machine may take its own.
        settings.limits.headMillisecondsMax = 3_600_000
        settings.limits.bodyMillisecondsMax = 3_600_000
        settings.limits.backlogMillisecondsMax = 3_600_000
        settings.limits.lingerMillisecondsMax = 3_600_000
        settings.namespaces.fallback.historyBytesMax = 16 << 20
        configure(&settings)
        let loop = try Loop()
        worker = Worker(
            index: 0, loop: loop, shared: Shared(settings: settings),
            control: Control(wakeUps: [loop.wakeUp], drainMilliseconds: 0),
            kinds: [ListenerKind()], components: [], restored: [], seed: 7)
        let listener = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
        port = listener.port
        worker.listen([(listener, 0)])
    }

    func end() { worker.end() }

    /// As much as can happen at once.
    func turns() {
        for _ in 0..<8 { turnOnce() }
    }

    private func turnOnce() {
        worker.tellTime()
        worker.work(&turn)
        worker.loop.updateTime()
        worker.loop.turn(block: false)
    }

    /// Turns until something has come about; what never does fails a test that would hang.
    func turn(until condition: () -> Bool) throws {
        let started = time(nil)
        while !condition() {
            turnOnce()
            try #require(time(nil) - started < 120, "it does not come about")
        }
    }

    /// Whether a loop that waited now would be woken at once, and so for ever, by a stream.
    var isWoken: Bool {
        var entry = pollfd(fd: worker.loop.set, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// A connection with small buffers, which the worker has accepted, and its name there.
    func connect() throws -> (socket: Int32, peer: Peer) {
        let known = Set(worker.endpoints.map(\.peer))
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        var bytes: Int32 = 4_096
        setsockopt(
            client, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try turn { Set(worker.endpoints.map(\.peer)) != known }
        let peer = worker.endpoints.map(\.peer).first { !known.contains($0) }
        return (client, try #require(peer))
    }

    func send(_ text: String, _ body: [UInt8] = [], to client: Int32) throws {
        let bytes = Array(text.utf8) + body
        var sent = 0
        try turn {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            sent += max(0, count)
            return sent == bytes.count
        }
    }

    /// Publishes that many bytes, and waits until it is done.
    func publish(_ count: Int) throws {
        let (client, peer) = try connect()
        let head = "POST /channels/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        try send(
            head + "Content-Length: \(count)\r\n\r\n", [UInt8](repeating: 0x61, count: count),
            to: client)
        close(client)
        try turn { !worker.isOpen(peer) }
    }

    /// What there is to read; nil at the end, and after a reset.
    func receive(_ client: Int32, atMost: Int = 1 << 16) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: atMost)
        let count = recv(client, &bytes, atMost, 0)
        if count == 0 || count < 0 && errno != EAGAIN { return nil }
        return Array(bytes.prefix(max(count, 0)))
    }

    /// Turns until the worker has ended its half.
    ///
    /// - Returns: the bytes that have come.
    func receiveAll(_ client: Int32) throws -> Int {
        var arrived = 0
        try turn {
            guard let bytes = receive(client) else { return true }
            arrived += bytes.count
            return false
        }
        return arrived
    }

    func endpoint(_ peer: Peer) -> Endpoint { worker.endpoints[peer.slot] }

    func lag(_ peer: Peer) -> Lag? { worker.shard.connections[peer.slot].lag }
}

@Suite struct WorkerTests {
    private let stream = "GET /channels/a HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"
    private let poll = "GET /channels/a HTTP/1.1\r\nHost: a\r\n\r\n"
    private let history =
        "GET /channels/a/messages HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    /// More than the kernel takes for a client that does not read.
    private let much = 12 << 20

    private func withRim(
        _ configure: (inout Settings) -> Void = { _ in }, _ body: (Rim) throws -> Void
    ) throws {
        let rim = try Rim(configure)
        defer { rim.end() }
        try body(rim)
    }

    @Test func `an idle plain connection is 32 bytes, and no object`() throws {
        try withRim { rim in
            let (client, peer) = try rim.connect()
            defer { close(client) }
            try rim.send(stream, to: client)
            try rim.turn { rim.receive(client)?.isEmpty == false }
            #expect(MemoryLayout<Endpoint>.stride == 32)
            #expect(rim.endpoint(peer).isDirect)
            #expect(rim.endpoint(peer).watched == .reading)
        }
    }

    @Test func `what the kernel has no room for goes as it has, is told of, and then forgotten`()
        throws
    {
        try withRim { rim in
            let (client, peer) = try rim.connect()
            defer { close(client) }
            try rim.send(stream, to: client)
            try rim.publish(much)
            #expect(rim.endpoint(peer).watched == [.reading, .writing])
            var kept = try #require(rim.lag(peer)).rimBytes
            #expect(kept > 1 << 20)
            #expect(!rim.isWoken)

            var arrived = 0
            var steps = 0
            try rim.turn {
                arrived += rim.receive(client)?.count ?? 0
                guard let lag = rim.lag(peer), lag.isBlocked else { return true }
                if lag.rimBytes < kept { steps += 1 }
                kept = lag.rimBytes
                return false
            }
            #expect(steps > 1)
            #expect(rim.endpoint(peer).isDirect)
            try rim.turn {
                arrived += rim.receive(client)?.count ?? 0
                return arrived > much
            }
            #expect(rim.endpoint(peer).watched == .reading)
            #expect(!rim.isWoken)
        }
    }

    @Test func `a half close waits for what the kernel has no room for`() throws {
        try withRim { rim in
            try rim.publish(much)
            let (client, peer) = try rim.connect()
            defer { close(client) }
            try rim.send(history, to: client)
            rim.turns()
            #expect(rim.endpoint(peer).unsent?.wantsShutdown == true)
            let arrived = try rim.receiveAll(client)
            #expect(arrived > much)
        }
    }

    @Test(arguments: [false, true])
    func `a peer that is not read does not keep the loop awake`(isReset: Bool) throws {
        try withRim({ $0.limits.pipelinedBytesMax = 16 }) { rim in
            let (client, peer) = try rim.connect()
            try rim.send(poll, to: client)
            // Behind a request that waits.
            try rim.send(String(repeating: "a", count: 17), to: client)
            rim.turns()
            #expect(rim.endpoint(peer).isPaused)
            try rim.send("a", to: client)
            if isReset {
                var value = linger(l_onoff: 1, l_linger: 0)
                setsockopt(
                    client, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
            }
            close(client)
            rim.turns()
            #expect(rim.worker.isOpen(peer))
            #expect(rim.endpoint(peer).watched == .nothing)
            #expect(!rim.isWoken)
        }
    }

    @Test func `a peer that has ended its half is written to on, and does not keep the loop awake`()
        throws
    {
        try withRim { rim in
            try rim.publish(much)
            let (client, peer) = try rim.connect()
            defer { close(client) }
            try rim.send(history, to: client)
            shutdown(client, Int32(SHUT_WR))
            rim.turns()
            #expect(rim.endpoint(peer).hasEnded)
            #expect(rim.endpoint(peer).watched == .writing)
            #expect(!rim.isWoken)
            let arrived = try rim.receiveAll(client)
            #expect(arrived > much)
        }
    }

    @Test func `a peer that is gone while bytes wait for it is closed`() throws {
        try withRim { rim in
            let (client, peer) = try rim.connect()
            try rim.send(stream, to: client)
            try rim.publish(much)
            #expect(rim.endpoint(peer).unsent != nil)
            // What it has not read makes that a reset.
            close(client)
            try rim.turn { !rim.worker.isOpen(peer) }
            #expect(rim.worker.loop.streamCount == 0)
        }
    }

    @Test func `an event for a connection that is gone does not reach the next in its slot`() throws
    {
        try withRim { rim in
            let (first, old) = try rim.connect()
            close(first)
            try rim.turn { !rim.worker.isOpen(old) }
            let (second, new) = try rim.connect()
            defer { close(second) }
            #expect(new.slot == old.slot && new != old)
            _ = Glibc.send(second, stream, stream.utf8.count, 0)
            let bytesIn = rim.worker.shard.bytesIn
            rim.worker.readable(old.raw)
            rim.worker.writable(old.raw)
            #expect(rim.worker.shard.bytesIn == bytesIn)
            #expect(rim.endpoint(new).watched == .reading)
            rim.worker.readable(new.raw)
            #expect(rim.worker.shard.bytesIn == bytesIn + stream.utf8.count)
        }
    }
}
