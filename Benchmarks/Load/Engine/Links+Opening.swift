// From a connected socket to one that follows its channels.

import Glibc

extension Links {
    func connected(_ index: Int, _ receipt: inout Receipt) throws(Failure) {
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

    func secure(_ index: Int, _ receipt: inout Receipt) throws(Failure) {
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
        let bytes = requestBytes(index)
        table[index].stage = .upgrading
        let sent = try write(index, bytes)
        guard sent == bytes.count else { return fail(index, "the request did not fit", &receipt) }
        // A long-poll is answered when there is a message, so it is as open as it gets; who
        // publishes by POST has asked for nothing yet.
        let isPoll = target.transport == .poll && table[index].role == .subscriber
        if isPoll || bytes.isEmpty { finishOpening(index) }
    }

    private func requestBytes(_ index: Int) -> [UInt8] {
        switch table[index].role {
        case .publisher: publishing?.request(index - members) ?? []
        case .echo: target.echoRequest(channels(index)[0])
        case .subscriber:
            subscribe
                ?? target.subscribeRequest(
                    channels(index), form, after: subscription.resumes ? places.text(index) : "")
        }
    }

    func channels(_ index: Int) -> [String] {
        subscription.channels(index, base: target.channel)
    }

    /// Takes the head of the answer.
    ///
    /// - Returns: its size; 0 when more is needed, nil when the connection failed.
    func upgrade(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ receipt: inout Receipt
    ) throws(Failure) -> Int? {
        guard let head = ResponseHead.parse(bytes) else { return 0 }
        let isWebSocket = target.transport == .ws || table[index].role != .subscriber
        guard head.status == (isWebSocket ? 101 : 200), head.acceptsKey || !isWebSocket else {
            fail(index, "the server answered \(head.status)", &receipt)
            return nil
        }
        table[index].isChunked = head.isChunked
        let needsCommands = isWebSocket && form == .envelopes && subscription.streams.areChannels
        guard needsCommands, table[index].role == .subscriber else {
            finishOpening(index)
            return closesWhenOpen ? nil : head.end
        }
        let channels = channels(index)
        let commands = target.subscribeCommands(channels)
        guard try write(index, commands) == commands.count else {
            fail(index, "the commands did not fit", &receipt)
            return nil
        }
        table[index].stage = .subscribing
        table[index].unanswered = channels.count
        return head.end
    }

    /// A command was carried out.
    func noteDone(_ index: Int) {
        guard table[index].stage == .subscribing else { return }
        table[index].unanswered -= 1
        if table[index].unanswered == 0 { finishOpening(index) }
    }

    private func finishOpening(_ index: Int) {
        table[index].stage = .open
        opening -= 1
        opened += 1
        if table[index].role == .subscriber { noteReturn() }
        if closesWhenOpen { table[index].close() }
    }
}
