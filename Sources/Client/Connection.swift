// A connection to a server, plain or under TLS. What is said on it is others' business.

internal import Bytes
internal import TLS

/// One connection. One thread.
final class Connection {
    private let socket: Socket
    private let limits: ClientLimits
    private let tls: (engine: TLSEngine, loop: TLSLoop)?
    private let plaintext = ByteBuffer()
    private var isClosedByPeer = false

    /// Connects, and shakes hands under TLS: the certificate must carry the URL's host.
    ///
    /// - Parameter context: a client's; needed where the URL is secure.
    init(
        to url: ServerURL, _ context: TLSContext?, limits: ClientLimits, until deadline: UInt64?
    ) throws(ClientError) {
        self.limits = limits
        let end = earlier(deadline, monotonicMilliseconds() + limits.connectMillisecondsMax)
        socket = try Socket.connect(to: url.place, until: end)
        guard url.isSecure else {
            tls = nil
            return
        }
        guard let context else { preconditionFailure("a secure URL without a context") }
        let loop = TLSLoop()
        do throws(TLSError) {
            let engine = try TLSEngine(
                context: context, loop: loop, role: .client(serverName: url.serverName))
            tls = (engine, loop)
        } catch {
            throw .tls(error)
        }
        try shakeHands(until: end)
    }

    private func shakeHands(until deadline: UInt64) throws(ClientError) {
        guard let tls else { return }
        tls.engine.start()
        try flush()
        while !tls.engine.isHandshakeDone {
            switch try socket.receive(until: deadline) {
            case .bytes(let bytes): try decrypt(bytes)
            case .closed:
                throw .tls(.handshakeFailed(reason: "the server closed the connection"))
            case .timedOut:
                throw .overdue(
                    what: "the TLS handshake", milliseconds: limits.connectMillisecondsMax)
            }
        }
    }

    /// Whether the connection, on which no answer is due, can take another request: a server that
    /// has closed it meanwhile has left word.
    var isFresh: Bool { !isClosedByPeer && !socket.hasInput }

    /// Sends all of `buffer`, and empties it.
    func send(_ buffer: ByteBuffer) throws(ClientError) {
        guard !buffer.isEmpty else { return }
        defer { buffer.removeAll(keeping: 1 << 20) }
        guard let tls else { return try write(buffer) }
        do throws(TLSError) {
            // The engine encrypts into another buffer, so this one does not move meanwhile.
            try tls.engine.send(UnsafeRawBufferPointer(start: buffer.base, count: buffer.count))
        } catch {
            throw .tls(error)
        }
        try flush()
    }

    /// Waits for bytes.
    func receive(until deadline: UInt64?) throws(ClientError) -> Arrival {
        while true {
            // What came with the end of the handshake, or with the close.
            if !plaintext.isEmpty {
                let bytes = plaintext.array()
                plaintext.removeAll(keeping: 1 << 20)
                return .bytes(bytes)
            }
            if isClosedByPeer { return .closed }
            let arrival = try socket.receive(until: deadline)
            switch arrival {
            case .timedOut: return .timedOut
            case .closed: isClosedByPeer = true
            case .bytes(let bytes):
                guard tls != nil else { return arrival }
                try decrypt(bytes)
            }
        }
    }

    private func decrypt(_ bytes: [UInt8]) throws(ClientError) {
        guard let tls else { return }
        let outcome = bytes.withUnsafeBytes { tls.engine.receive($0, plaintext: plaintext) }
        switch outcome {
        case .open: try flush()
        case .closed: isClosedByPeer = true
        case .failed(let error):
            // The alert tells the server why; that it may not arrive changes nothing.
            try? flush()
            throw .tls(error)
        }
    }

    private func flush() throws(ClientError) {
        guard let tls, !tls.loop.outgoing.isEmpty else { return }
        defer { tls.loop.outgoing.removeAll(keeping: 1 << 20) }
        try write(tls.loop.outgoing)
    }

    private func write(_ buffer: ByteBuffer) throws(ClientError) {
        // Nobody appends before the call returns.
        let bytes = UnsafeBufferPointer(start: buffer.base, count: buffer.count)
        try socket.send(bytes, until: monotonicMilliseconds() + limits.answerMillisecondsMax)
    }
}

extension ServerURL {
    /// What the certificate must carry.
    fileprivate var serverName: String {
        switch place {
        case .tcp(let host, _): host
        case .unix: "localhost"
        }
    }
}
