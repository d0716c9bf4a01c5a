// Follows a channel over any transport, and comes back with the last id when the connection breaks.

internal import Bytes
internal import Signatures
package import TLS

/// Why ``Subscriber/run(until:_:)`` came to its end.
package enum SubscribeEnd: Sendable, Equatable {
    /// The handler had enough.
    case stopped
    case timedOut
    /// The server said that there is no more, by 204 or by a normal close.
    case endedByServer
}

/// One subscription. One thread.
package final class Subscriber {
    private let style: RequestStyle
    private let transport: Transport
    private let context: TLSContext?
    private let reconnects: Bool
    private let limits: ClientLimits
    private var backoff: Backoff
    /// A failure before it is a mistake in the command, more likely than a bad moment of the
    /// server.
    private var hasBeenAccepted = false
    /// The last id seen, or what was asked for; nil is "now".
    package private(set) var position: [UInt8]?

    private enum Outcome {
        case end(SubscribeEnd)
        case again(ClientError)
    }

    /// - Parameters:
    ///   - key: an API key or token, of visible ASCII.
    ///   - after: an id, or `first`; nil for what comes from now on.
    ///   - trust: whose certificates are believed, where the URL is secure.
    ///   - reconnects: whether to come back when the connection breaks.
    package init(
        _ url: ServerURL, transport: Transport, key: String? = nil, after: String? = nil,
        trust: TLSTrust = .system, reconnects: Bool = true, backoff: Backoff = Backoff(),
        limits: ClientLimits = ClientLimits()
    ) throws(ClientError) {
        style = RequestStyle(url: url, key: key)
        self.transport = transport
        context = try clientContext(url, trust)
        self.reconnects = reconnects
        self.backoff = backoff
        self.limits = limits
        position = after.map { Array($0.utf8) }
    }

    /// Receives until somebody has enough. Blocks.
    ///
    /// - Parameters:
    ///   - deadline: on the clock of ``monotonicMilliseconds()``; nil for never.
    ///   - handle: gets what came, in order, 1 or more; returns whether to go on.
    /// - Throws: what went wrong with the first connection; later, what another attempt would not
    ///   mend, or any failure where the subscriber does not reconnect.
    package func run(
        until deadline: UInt64? = nil, _ handle: ([Received]) -> Bool
    ) throws(ClientError) -> SubscribeEnd {
        while true {
            let failure: ClientError
            do throws(ClientError) {
                switch try attempt(until: deadline, handle) {
                case .end(let end): return end
                case .again(let error): failure = error
                }
            } catch {
                failure = error
            }
            guard hasBeenAccepted else { throw failure }
            if let deadline, monotonicMilliseconds() >= deadline { return .timedOut }
            guard reconnects, failure.mayPass else { throw failure }
            let delay = max(backoff.next(random: randomUInt64()), failure.retryMilliseconds)
            let notice = "\(failure); trying again in \(seconds(delay)) s"
            guard handle([.notice(notice)]) else { return .stopped }
            guard pause(delay, until: deadline) else { return .timedOut }
        }
    }

    /// One connection, from its first byte to its last.
    private func attempt(
        until deadline: UInt64?, _ handle: ([Received]) -> Bool
    ) throws(ClientError) -> Outcome {
        var reception = transport.reception(style, limits)
        let request = ByteBuffer()
        reception.appendRequest(after: position, to: request)
        var connection = try Connection(to: style.url, context, limits: limits, until: deadline)
        try connection.send(request)
        let start = monotonicMilliseconds()
        var asked = start
        while true {
            let silence = reception.silenceMillisecondsMax(limits)
            let end = earlier(deadline, monotonicMilliseconds() + silence)
            switch try connection.receive(until: end) {
            case .timedOut:
                if let deadline, monotonicMilliseconds() >= deadline {
                    return leave(reception, connection, .timedOut)
                }
                throw .overdue(what: "a sign of life of the server", milliseconds: silence)
            case .closed:
                try reception.closed()
                return .again(.closedByServer)
            case .bytes(let bytes):
                let state = try take(bytes, &reception, connection, since: start, handle)
                switch state {
                case nil: return leave(reception, connection, .stopped)
                case .goesOn: break
                case .ended: return leave(reception, connection, .endedByServer)
                case .answered(let isEmpty, let keepAlive):
                    let took = monotonicMilliseconds() - asked
                    guard try rest(after: isEmpty, took, until: deadline) else {
                        return .end(.timedOut)
                    }
                    if !keepAlive || !connection.isFresh {
                        connection = try Connection(
                            to: style.url, context, limits: limits, until: deadline)
                    }
                    reception.appendRequest(after: position, to: request)
                    asked = monotonicMilliseconds()
                    try connection.send(request)
                }
            }
        }
    }

    /// - Returns: nil when the handler has enough.
    private func take(
        _ bytes: [UInt8], _ reception: inout any Reception, _ connection: Connection,
        since start: UInt64, _ handle: ([Received]) -> Bool
    ) throws(ClientError) -> ReceptionState? {
        var batch: [Received] = []
        let replies = ByteBuffer()
        let result: Result<ReceptionState, ClientError>
        do throws(ClientError) {
            result = .success(try reception.receive(bytes.span, replies: replies, into: &batch))
        } catch {
            result = .failure(error)
        }
        hasBeenAccepted = hasBeenAccepted || reception.isAccepted
        if let retry = reception.retryMilliseconds { backoff.firstMilliseconds = retry }
        position = reception.position ?? position
        let isSteady = monotonicMilliseconds() - start >= Backoff.millisecondsMax
        if !batch.isEmpty || isSteady { backoff.reset() }
        // What came before an error counts: it will not come again.
        if !batch.isEmpty, !handle(batch) { return nil }
        if case .success = result { try connection.send(replies) }
        return try result.get()
    }

    /// A server that answers every poll at once, and with nothing, is not to be asked without
    /// pause.
    ///
    /// - Returns: whether there is time left.
    private func rest(
        after isEmpty: Bool, _ took: UInt64, until deadline: UInt64?
    ) throws(ClientError) -> Bool {
        guard isEmpty, took < 1_000 else { return true }
        return pause(backoff.next(random: randomUInt64()), until: deadline)
    }

    private func leave(
        _ reception: any Reception, _ connection: Connection, _ end: SubscribeEnd
    ) -> Outcome {
        let goodbye = ByteBuffer()
        reception.appendGoodbye(to: goodbye)
        // Politeness only: the server also understands a connection that ends.
        try? connection.send(goodbye)
        return .end(end)
    }
}

extension ClientError {
    /// What the server asks to wait; 0 when it does not say.
    var retryMilliseconds: UInt64 {
        guard case .refused(_, _, let seconds?) = self else { return 0 }
        return min(seconds, 3_600) * 1_000
    }
}

/// What a secure URL is reached with; nil for a plain one.
func clientContext(_ url: ServerURL, _ trust: TLSTrust) throws(ClientError) -> TLSContext? {
    guard url.isSecure else { return nil }
    do throws(TLSError) {
        return try TLSContext.client(trust: trust, alpn: ["http/1.1"])
    } catch {
        throw .tls(error)
    }
}
