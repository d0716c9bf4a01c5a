// One thread's connections: opens them, takes them through their handshakes, reads them all into
// one buffer, and hands what subscribers received to a `Receipt`.

import Glibc

final class Links {
    /// How many connections are on their way in at once, below any listener's backlog.
    static let openingMax = 64
    private static let readBytes = 64 * 1024

    private let target: Target
    private let poller: Poller
    private let table: UnsafeMutablePointer<Connection>
    private let capacity: Int
    /// Added to an index to give the connection its own client address.
    private let addressBase: Int
    private let buffer: UnsafeMutableRawPointer
    private let bufferBytes: Int
    private let subscribe: [UInt8]

    private(set) var opening = 0
    private(set) var opened = 0
    private(set) var failed = 0
    /// The first failure, in words.
    private(set) var firstFailure: String?
    /// When set, a connection is closed as soon as it is open (and may be opened again).
    var closesWhenOpen = false

    /// - Parameter messageBytes: the largest message that will come.
    init(
        target: Target, capacity: Int, addressBase: Int, messageBytes: Int, wake: Int32
    ) throws(Failure) {
        self.target = target
        self.capacity = capacity
        self.addressBase = addressBase
        poller = try Poller(wake: wake)
        table = .allocate(capacity: capacity)
        table.initialize(repeating: Connection(), count: capacity)
        bufferBytes = Self.readBytes + 2 * messageBytes + 4096
        buffer = .allocate(byteCount: bufferBytes, alignment: 4096)
        subscribe = target.subscribeRequest()
    }

    deinit {
        for index in 0..<capacity where table[index].socket >= 0 { table[index].close() }
        table.deallocate()
        buffer.deallocate()
    }

    func isOpen(_ index: Int) -> Bool { table[index].stage == .open }
    func isClosed(_ index: Int) -> Bool { table[index].stage == .closed }
    func next(_ index: Int) -> UInt64 { table[index].order.next }

    func open(_ index: Int, as role: Connection.Role) throws(Failure) {
        let socket = try Sockets.connect(
            to: target.host, port: target.port, index: addressBase + index)
        table[index].socket = socket
        table[index].role = role
        table[index].stage = .connecting
        try poller.add(socket, token: UInt64(index), writing: true)
        opening += 1
    }

    /// Waits for events and handles them, at most `Poller.eventsMax`.
    func turn(waitingAtMost nanoseconds: UInt64, _ receipt: inout Receipt) throws(Failure) {
        let count = poller.wait(nanoseconds: nanoseconds)
        for event in 0..<count {
            guard let token = poller.token(at: event) else { continue }
            let index = Int(token)
            switch table[index].stage {
            case .closed: continue
            case .connecting: try connected(index, &receipt)
            case .securing: try secure(index, &receipt)
            case .upgrading, .open: try read(index, &receipt)
            }
        }
    }

    /// Writes what the socket takes; the rest waits for an event of `index`.
    ///
    /// - Returns: up to where `bytes` are written.
    func write(
        _ index: Int, _ bytes: [UInt8], from start: Int = 0
    ) throws(Failure) -> Int {
        let (socket, session) = (table[index].socket, table[index].session)
        var written = start
        while written < bytes.count {
            let outcome = bytes.withUnsafeBytes {
                Stream.write(
                    socket, session, $0.baseAddress! + written, bytes.count - written)
            }
            switch outcome {
            case .bytes(let count): written += count
            case .wouldBlock: return written
            case .closed: throw Failure("the server closed a connection that was being written")
            }
        }
        return written
    }

    /// Whether `index` also wakes its thread when it can be written.
    func watchWriting(_ index: Int, _ writing: Bool) throws(Failure) {
        try poller.change(table[index].socket, token: UInt64(index), writing: writing)
    }

    // MARK: Opening

    private func connected(_ index: Int, _ receipt: inout Receipt) throws(Failure) {
        let error = Sockets.connectError(table[index].socket)
        guard error == 0 else {
            return fail(index, "connect: \(String(cString: strerror(error)))", &receipt)
        }
        try watchWriting(index, false)
        guard let tls = target.tls else { return try request(index, &receipt) }
        table[index].session = tls.makeSession(on: table[index].socket)
        table[index].stage = .securing
        try secure(index, &receipt)
    }

    private func secure(_ index: Int, _ receipt: inout Receipt) throws(Failure) {
        guard let session = table[index].session else {
            return fail(index, "OpenSSL gives no session", &receipt)
        }
        switch Stream.secure(session) {
        case .bytes: try request(index, &receipt)
        case .wouldBlock: break
        case .closed: fail(index, "the TLS handshake failed", &receipt)
        }
    }

    private func request(_ index: Int, _ receipt: inout Receipt) throws(Failure) {
        let bytes = table[index].role == .publisher ? target.publishRequest() : subscribe
        let sent = try write(index, bytes)
        guard sent == bytes.count else { return fail(index, "the request did not fit", &receipt) }
        table[index].stage = .upgrading
        // A long-poll is answered when there is a message, so it is as open as it gets.
        if target.transport == .poll, table[index].role == .subscriber { finishOpening(index) }
    }

    /// Takes the head of the answer.
    ///
    /// - Returns: its size; 0 when more is needed, nil when the connection failed.
    private func upgrade(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ receipt: inout Receipt
    ) -> Int? {
        guard let head = ResponseHead.parse(bytes) else { return 0 }
        let isWebSocket = target.transport == .ws || table[index].role == .publisher
        guard head.status == (isWebSocket ? 101 : 200), head.acceptsKey || !isWebSocket else {
            fail(index, "the server answered \(head.status)", &receipt)
            return nil
        }
        table[index].isChunked = head.isChunked
        finishOpening(index)
        return closesWhenOpen ? nil : head.end
    }

    private func finishOpening(_ index: Int) {
        table[index].stage = .open
        opening -= 1
        opened += 1
        if closesWhenOpen { table[index].close() }
    }

    private func fail(_ index: Int, _ why: String, _ receipt: inout Receipt) {
        if firstFailure == nil { firstFailure = why }
        if table[index].stage != .open { opening -= 1 }
        failed += 1
        table[index].close()
        receipt.noteClosed()
    }

    // MARK: Reading

    private func read(_ index: Int, _ receipt: inout Receipt) throws(Failure) {
        // Without TLS one read is enough, for the poller tells again; OpenSSL holds bytes back.
        repeat {
            let kept = table[index].restCount
            guard kept + 4096 < bufferBytes else {
                return fail(index, "a message larger than any that was sent", &receipt)
            }
            if let rest = table[index].rest { memcpy(buffer, rest, kept) }
            let room = min(bufferBytes - kept, Self.readBytes)
            switch Stream.read(table[index].socket, table[index].session, buffer + kept, room) {
            case .bytes(let count):
                guard try received(index, kept: kept, count: count, &receipt) else { return }
            case .wouldBlock: return
            case .closed: return fail(index, "the server closed a connection", &receipt)
            }
        } while table[index].session != nil
    }

    /// Takes one read's bytes, which lie in the buffer behind those kept.
    ///
    /// - Returns: false when the connection is gone.
    private func received(
        _ index: Int, kept: Int, count: Int, _ receipt: inout Receipt
    ) throws(Failure) -> Bool {
        var start = 0
        var total = kept + count
        if table[index].stage == .upgrading {
            let whole = UnsafeRawBufferPointer(start: buffer, count: total)
            guard let end = upgrade(index, whole, &receipt) else { return false }
            start = end
            if end > 0, table[index].isChunked {
                guard let body = strip(index, from: end, to: total, &receipt) else { return false }
                total = end + body
            }
        } else if table[index].isChunked {
            guard let body = strip(index, from: kept, to: total, &receipt) else { return false }
            total = kept + body
        }
        if table[index].stage == .open {
            let bytes = UnsafeRawBufferPointer(start: buffer, count: total)
            if target.transport == .poll, table[index].role == .subscriber {
                start = try takeAnswers(index, bytes, &receipt)
            } else {
                start = try takeUnits(index, bytes, from: start, &receipt)
            }
            guard start >= 0 else { return false }
        }
        if total > start || kept > 0 { table[index].keep(buffer + start, total - start) }
        return true
    }

    private func strip(
        _ index: Int, from: Int, to: Int, _ receipt: inout Receipt
    ) -> Int? {
        let body = UnsafeMutableRawBufferPointer(start: buffer + from, count: to - from)
        guard let count = table[index].chunks.strip(body) else {
            fail(index, "a chunk's size cannot be read", &receipt)
            return nil
        }
        return count
    }

    /// - Returns: where what has not wholly arrived begins; negative when the connection is gone.
    private func takeUnits(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, from: Int, _ receipt: inout Receipt
    ) throws(Failure) -> Int {
        var start = from
        let isSubscriber = table[index].role == .subscriber
        receipt.begin()
        while let unit = nextUnit(bytes, start, isSubscriber) {
            start = unit.end
            switch unit.kind {
            case .message where isSubscriber: receipt.take(unit.payload, &table[index].order)
            case .message, .other: break
            case .ping: try pong(index, unit.payload)
            case .close, .unreadable:
                receipt.end()
                if unit.kind == .unreadable { receipt.noteDamage() }
                fail(index, "the server sent a close or unreadable frame", &receipt)
                return -1
            }
        }
        receipt.end()
        return start
    }

    @inline(__always)
    private func nextUnit(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ isSubscriber: Bool
    ) -> Unit? {
        guard isSubscriber else { return WebSocketFrames.next(in: bytes, at: start) }
        return switch target.transport {
        case .ws: WebSocketFrames.next(in: bytes, at: start)
        case .sse: EventStreamLines.next(in: bytes, at: start)
        case .ndjson, .poll: JSONLines.next(in: bytes, at: start)
        }
    }

    private func pong(
        _ index: Int, _ payload: UnsafeRawBufferPointer
    ) throws(Failure) {
        var frame: [UInt8] = []
        WebSocketFrames.append(payload, first: 0x8a, mask: .random(in: 0 ... .max), to: &frame)
        _ = try write(index, frame)
    }

    /// Takes whole answers to long-polls, and polls again for what comes after.
    ///
    /// - Returns: where an answer that has not wholly arrived begins; negative when the connection
    ///   is gone.
    private func takeAnswers(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ receipt: inout Receipt
    ) throws(Failure) -> Int {
        var start = 0
        receipt.begin()
        while start < bytes.count {
            let left = UnsafeRawBufferPointer(rebasing: bytes[start...])
            guard let head = ResponseHead.parse(left) else { break }
            let end = head.end + (head.contentLength ?? 0)
            guard head.status == 200 || head.status == 204 || head.status == 304, !head.isChunked
            else {
                receipt.end()
                fail(index, "a poll was answered \(head.status)", &receipt)
                return -1
            }
            guard left.count >= end else { break }
            let body = UnsafeRawBufferPointer(rebasing: left[head.end..<end])
            LongPoll.messages(in: body, of: target.server) {
                receipt.take($0, &table[index].order)
            }
            start += end
            let request = target.subscribeRequest(after: LongPoll.after(head))
            _ = try write(index, request)
        }
        receipt.end()
        return start
    }
}
