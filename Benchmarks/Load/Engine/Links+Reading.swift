// What comes on open connections, cut into units and handed to a `Receipt`.

import Glibc

extension Links {
    func read(_ index: Int, _ receipt: inout Receipt) throws(Failure) {
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
            guard let end = try upgrade(index, whole, &receipt) else { return false }
            start = end
            if end > 0, table[index].isChunked {
                guard let body = strip(index, from: end, to: total, &receipt) else { return false }
                total = end + body
            }
        } else if table[index].isChunked {
            guard let body = strip(index, from: kept, to: total, &receipt) else { return false }
            total = kept + body
        }
        if table[index].stage == .open || table[index].stage == .subscribing {
            let bytes = UnsafeRawBufferPointer(start: buffer, count: total)
            switch table[index].role {
            case .subscriber where target.transport == .poll:
                start = try takeAnswers(index, bytes, &receipt)
            case .publisher where publishing?.way == .http:
                start = takeReplies(index, bytes, &receipt)
            case .subscriber, .publisher, .echo:
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
        let role = table[index].role
        receipt.begin()
        while let unit = nextUnit(bytes, start, role) {
            start = unit.end
            switch unit.kind {
            case .message:
                if role != .publisher { deliver(index, unit, &receipt) }
                guard remember(index, unit.id, role, &receipt) else { return -1 }
            case .other: guard remember(index, unit.id, role, &receipt) else { return -1 }
            case .done: noteDone(index)
            case .ping: try pong(index, unit.payload)
            case .gap:
                receipt.end()
                fail(index, "the server told of a gap: it keeps too few messages", &receipt)
                return -1
            case .refusal:
                receipt.end()
                let words = String(decoding: unit.payload, as: UTF8.self)
                fail(index, "the server refused a command: \(words)", &receipt)
                return -1
            case .close:
                receipt.end()
                let words = WebSocketFrames.closing(unit.payload)
                fail(index, "the server closed a connection: \(words)", &receipt)
                return -1
            case .unreadable:
                receipt.end()
                receipt.noteDamage()
                fail(index, "the server sent an unreadable frame", &receipt)
                return -1
            }
        }
        receipt.end()
        if collectsReceivers { receivers.append(index) }
        return start
    }

    /// - Returns: false when the connection is gone.
    @inline(__always)
    private func remember(
        _ index: Int, _ id: UnsafeRawBufferPointer, _ role: Connection.Role,
        _ receipt: inout Receipt
    ) -> Bool {
        guard subscription.resumes, role == .subscriber, !id.isEmpty else { return true }
        if places.set(index, id) { return true }
        receipt.end()
        fail(index, "an id is longer than \(Places.bytesMax) bytes", &receipt)
        return false
    }

    @inline(__always)
    private func deliver(_ index: Int, _ unit: Unit, _ receipt: inout Receipt) {
        let (orders, streams) = accounts(index)
        guard subscription.streams.count > 1 else {
            return receipt.take(unit.payload, &orders[0])
        }
        var said: Int?
        if !unit.channel.isEmpty, subscription.streams.areChannels {
            // A channel that nobody named is one that this subscriber does not follow.
            said = subscription.streams.stream(of: unit.channel, base: base) ?? -1
        }
        receipt.take(unit.payload, said: said, orders, of: streams)
    }

    @inline(__always)
    private func nextUnit(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ role: Connection.Role
    ) -> Unit? {
        switch role {
        case .echo: return WebSocketFrames.next(in: bytes, at: start)
        // Nothing comes but answers to commands.
        case .publisher: return WebSocketFrames.next(in: bytes, at: start).map(unwrapped)
        case .subscriber: break
        }
        return switch (target.transport, form) {
        case (.ws, .envelopes): WebSocketFrames.next(in: bytes, at: start).map(unwrapped)
        case (.ws, _): WebSocketFrames.next(in: bytes, at: start)
        case (.sse, .bare): EventStreamLines.next(in: bytes, at: start)
        case (.sse, .events): Events.next(in: bytes, at: start)
        case (.sse, .envelopes): EventStreamLines.next(in: bytes, at: start).map(unwrapped)
        case (.ndjson, .bare), (.poll, _): JSONLines.next(in: bytes, at: start)
        case (.ndjson, _): EnvelopeLines.next(in: bytes, at: start)
        }
    }

    @inline(__always)
    private func unwrapped(_ unit: Unit) -> Unit {
        unit.kind == .message ? Envelopes.read(unit.payload, end: unit.end) : unit
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
        while let answer = HTTPAnswer.next(in: bytes, at: start) {
            let head = answer.head
            guard head.status == 200 || head.status == 204 || head.status == 304, !head.isChunked,
                !head.tellsGap
            else {
                receipt.end()
                let gap = head.tellsGap ? ", of a gap: it keeps too few messages" : ""
                fail(index, "a poll was answered \(head.status)\(gap)", &receipt)
                return -1
            }
            takeMessages(index, answer.body, &receipt)
            guard remember(index, Array(head.etag.utf8), &receipt) else { return -1 }
            start = answer.end
            let request = target.pollRequest(channels(index), LongPoll.after(head))
            _ = try write(index, request)
        }
        receipt.end()
        return start
    }

    private func takeMessages(
        _ index: Int, _ body: UnsafeRawBufferPointer, _ receipt: inout Receipt
    ) {
        guard form == .envelopes else {
            return LongPoll.messages(in: body, of: target.server) {
                deliver(index, Unit(kind: .message, payload: $0, end: 0), &receipt)
            }
        }
        var start = 0
        while let unit = Envelopes.next(in: body, at: start) {
            deliver(index, unit, &receipt)
            start = unit.end
        }
    }

    private func remember(_ index: Int, _ etag: [UInt8], _ receipt: inout Receipt) -> Bool {
        etag.withUnsafeBytes { remember(index, $0, .subscriber, &receipt) }
    }

    /// Takes the answers to POST requests, each of which must say that all was published.
    ///
    /// - Returns: as `takeAnswers`.
    private func takeReplies(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ receipt: inout Receipt
    ) -> Int {
        var start = 0
        while let answer = HTTPAnswer.next(in: bytes, at: start) {
            guard (200...204).contains(answer.head.status), !answer.head.isChunked else {
                fail(index, "a POST was answered \(answer.head.status)", &receipt)
                return -1
            }
            guard !answer.refusesLine else {
                let words = String(decoding: answer.body, as: UTF8.self)
                fail(index, "a line of a batch was refused: \(words)", &receipt)
                return -1
            }
            start = answer.end
        }
        return start
    }
}
