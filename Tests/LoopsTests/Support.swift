// A handler that writes everything down, and clients that are plain blocking sockets.

import Glibc
import Testing

@testable import Loops

/// Keeps a table of streams as a gateway does, reads what is to be read, and records events. What a
/// test wants done within an event goes into `onReceived` and its like.
final class Recorder: LoopEvents {
    let loop: Loop
    var streams: [UInt64: Stream] = [:]
    /// What each is watched for.
    private(set) var watched: [UInt64: Readiness] = [:]
    var listeners: [Int] = []
    var received: [UInt64: [UInt8]] = [:]
    var ends: [(token: UInt64, error: Int32)] = []
    /// Every event about a stream, also of one that is not in the table.
    var readable: [UInt64] = []
    var writable: [UInt64] = []
    var timersFired = 0
    var wakeUps = 0
    var signals: [Int32] = []
    var pauses: [(listener: Int, error: Int32)] = []
    var resumptions: [Int] = []
    var readsAtOnce = true
    var onAccepted: ((UInt64) -> Void)?
    var onReceived: ((UInt64, UnsafeMutableRawBufferPointer) -> Void)?
    var onWritable: ((UInt64) -> Void)?
    var onTimer: (() -> Void)?
    private var nextToken: UInt64 = 1
    private(set) var accepted = 0

    init(_ loop: Loop) {
        self.loop = loop
        loop.setEvents(self)
    }

    func accepted(_ stream: Stream, listener: Int) {
        accepted += 1
        let token = nextToken
        nextToken += 1
        streams[token] = stream
        listeners.append(listener)
        if readsAtOnce { watch(token, for: .reading) }
        onAccepted?(token)
    }

    func readable(_ token: UInt64) {
        readable.append(token)
        guard let stream = streams[token], watched[token]?.contains(.reading) == true else {
            return
        }
        switch loop.read(stream) {
        case .bytes(let bytes):
            received[token, default: []].append(contentsOf: bytes)
            onReceived?(token, bytes)
        case .nothing: break
        case .end: end(token, error: 0)
        case .failure(let code): end(token, error: code)
        }
    }

    /// Nothing more is read.
    private func end(_ token: UInt64, error: Int32) {
        ends.append((token, error))
        watch(token, for: (watched[token] ?? .nothing).subtracting(.reading))
    }

    func writable(_ token: UInt64) {
        writable.append(token)
        if streams[token] != nil { onWritable?(token) }
    }

    func wokenUp() { wakeUps += 1 }
    func signal(_ number: Int32) { signals.append(number) }
    func acceptPaused(listener: Int, error: Int32) { pauses.append((listener, error)) }
    func acceptResumed(listener: Int) { resumptions.append(listener) }

    func timerFired() {
        timersFired += 1
        onTimer?()
    }

    func watch(_ token: UInt64, for interest: Readiness) {
        guard let stream = streams[token] else { return }
        #expect(
            loop.watch(
                stream, token: token, for: interest, insteadOf: watched[token] ?? .nothing))
        watched[token] = interest
    }

    func close(_ token: UInt64, reset: Bool = false) {
        guard let stream = streams.removeValue(forKey: token) else { return }
        watched[token] = nil
        loop.close(stream, reset: reset)
    }

    func closeAll() {
        for token in streams.keys { close(token) }
    }

    /// Turns without waiting, as often as it takes for what can come to have come.
    func turnIdly() {
        for _ in 0..<4 { loop.turn(block: false) }
    }

    /// Turns until `condition` holds. The loop's timer, far away, keeps a failing test from
    /// hanging.
    func turn(
        atMost turns: Int = 100, _ location: SourceLocation = #_sourceLocation,
        until condition: () -> Bool
    ) {
        loop.updateTime()
        loop.arm(timerAtMilliseconds: loop.now + 20_000)
        defer { loop.arm(timerAtMilliseconds: nil) }
        let firedBefore = timersFired
        for _ in 0..<turns where timersFired == firedBefore {
            if condition() { return }
            loop.turn(block: true)
        }
        #expect(condition(), "not within \(turns) turns", sourceLocation: location)
    }
}

/// A loop with its recorder for the length of `body`, closed at its end with all its streams.
func withLoop(
    streamsMax: Int = .max, eventsPerTurnMax: Int = 1_024, _ body: (Loop, Recorder) throws -> Void
) throws {
    let loop = try Loop(streamsMax: streamsMax, eventsPerTurnMax: eventsPerTurnMax)
    let recorder = Recorder(loop)
    defer {
        recorder.closeAll()
        loop.close()
        // They often refer to their recorder. It must live until here: the loop does not hold it.
        recorder.onAccepted = nil
        recorder.onReceived = nil
        recorder.onWritable = nil
        recorder.onTimer = nil
    }
    try body(loop, recorder)
}

/// Listens on a port of the kernel's choice.
func listen(_ loop: Loop, host: String = "127.0.0.1", tag: Int = 0) throws -> UInt16 {
    let listener = try #require(try Listener.tcp(host: host, port: 0).first)
    try loop.listen(listener, tag: tag)
    return listener.port
}

/// A connected blocking socket, closed with its last reference.
final class Client: Sendable {
    let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { Glibc.close(descriptor) }

    /// - Parameter receiveBytes: a small and fixed receive buffer; nil for the system's.
    static func tcp(
        _ port: UInt16, host: String = "127.0.0.1", receiveBytes: Int32? = nil
    ) throws -> Client {
        let address = try #require(try SocketAddress.resolve(host: host, port: port).first)
        return try connect(to: address, receiveBytes: receiveBytes)
    }

    static func unix(_ path: String) throws -> Client { try connect(to: SocketAddress(path: path)) }

    static func connect(to address: SocketAddress, receiveBytes: Int32? = nil) throws -> Client {
        // An exit test's process must not inherit it, or closing it here would not close it. The
        // flag has SOCK_CLOEXEC's value by definition.
        let type = Int32(SOCK_STREAM.rawValue) | O_CLOEXEC
        let client = Client(socket(address.family, type, 0))
        try #require(client.descriptor >= 0)
        // A test that waits for what never comes fails, and does not hang.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(client.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        if var receiveBytes {
            // Before connecting: the window is agreed upon then.
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(client.descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, size)
        }
        let code = address.withSockaddr { Glibc.connect(client.descriptor, $0, $1) }
        try #require(code == 0, "connect: \(describe(code: -errno))")
        return client
    }

    func send(_ bytes: [UInt8]) {
        let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        #expect(count == bytes.count)
    }

    /// Up to `count` bytes; fewer at the peer's end. Nil after an error.
    func receive(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let size = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress! + filled, count - filled, 0)
            }
            if size < 0 { return nil }
            if size == 0 { break }
            filled += size
        }
        return Array(bytes.prefix(filled))
    }

    /// Ends the sending side.
    func finish() { Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closing becomes a reset.
    func resetOnClose() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }
}

/// A fresh directory, removed after `body`.
func withDirectory(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/loops-test-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { rmdir(path) }
    try body(path)
}

func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Bytes that tell their place: a shift or a swap changes them.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ $0 >> 16) }
}
