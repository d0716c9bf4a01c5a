import Bytes
import Testing
import Wire

/// The decoder against one that is slow, plain and written from the RFC alone.
@Suite struct WebSocketRandomTests {
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `random conversations, some broken, are read as the reference reads them`(seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        for round in 0..<25 {
            let settings = WebSocketSettings(
                role: Bool.random(using: &numbers) ? .server : .client, limit: 600,
                compression: Bool.random(using: &numbers))
            var bytes = conversation(settings, &numbers)
            for _ in 0..<Int.random(in: 0...2, using: &numbers) {
                let place = Int.random(in: 0..<bytes.count, using: &numbers)
                bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &numbers)
            }
            if Int.random(in: 0..<4, using: &numbers) == 0 {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &numbers))
            }
            let expected = ReferenceDecoder(bytes: bytes, settings: settings).outcome()
            let outcome = settings.decode(pieces(of: bytes, &numbers))
            #expect(outcome == expected, "seed \(seed), round \(round)")
        }
    }

    private func pieces(of bytes: [UInt8], _ numbers: inout SeededNumbers) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var at = 0
        while at < bytes.count {
            let end = min(bytes.count, at + Int.random(in: 0...200, using: &numbers))
            pieces.append(Array(bytes[at..<end]))
            at = end
        }
        return pieces
    }

    /// Whole and fragmented messages, with control frames between and inside them.
    private func conversation(
        _ settings: WebSocketSettings, _ numbers: inout SeededNumbers
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...8, using: &numbers) {
            let isText = Bool.random(using: &numbers)
            let fragments = Int.random(in: 1...4, using: &numbers)
            for index in 0..<fragments {
                var first: UInt8 = index == 0 ? (isText ? 1 : 2) : 0
                if index == 0, settings.compression, Bool.random(using: &numbers) { first |= 0x40 }
                if index == fragments - 1 { first |= 0x80 }
                bytes += frame(first, payload(isText, &numbers), settings, &numbers)
                if Int.random(in: 0..<4, using: &numbers) == 0 {
                    let payload = payload(false, &numbers).prefix(125)
                    let first: UInt8 = Bool.random(using: &numbers) ? 0x89 : 0x8A
                    bytes += frame(first, Array(payload), settings, &numbers)
                }
            }
        }
        if Bool.random(using: &numbers) {
            bytes += frame(0x88, [0x03, 0xE9] + Array("gone".utf8), settings, &numbers)
        }
        return bytes
    }

    private func payload(_ isText: Bool, _ numbers: inout SeededNumbers) -> [UInt8] {
        let count = [0, 1, 5, 40, 126, 140].randomElement(using: &numbers)!
        guard isText else {
            return (0..<count).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        }
        let characters = (0..<count / 2).map { _ in "aé€😀".randomElement(using: &numbers)! }
        return Array(String(characters).utf8)
    }

    private func frame(
        _ first: UInt8, _ payload: [UInt8], _ settings: WebSocketSettings,
        _ numbers: inout SeededNumbers
    ) -> [UInt8] {
        let key = (0..<4).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        return WebSocketTestFrame(
            first: first, payload: payload, key: settings.role == .server ? key : nil
        ).bytes
    }
}

/// Reads bytes that all lie there, index by index, with no state between frames but the message.
private struct ReferenceDecoder {
    let bytes: [UInt8]
    let settings: WebSocketSettings

    func outcome() -> WebSocketOutcome {
        var outcome = WebSocketOutcome()
        do throws(WebSocketError) {
            try read(&outcome.events)
        } catch {
            outcome.error = error
        }
        return outcome
    }

    private func read(_ events: inout [WebSocketDecoder.Event]) throws(WebSocketError) {
        var at = 0
        var message: (first: UInt8, payload: [UInt8])?
        while at < bytes.count {
            let first = bytes[at]
            try check(first: first, isMessageOpen: message != nil)
            guard at + 1 < bytes.count else { return }
            let isControl = first & 0x08 != 0
            guard let head = try header(at: at + 1, isControl, before: message?.payload.count ?? 0)
            else { return }
            let payload = bytes[head.start...].prefix(head.count).enumerated().map {
                $1 ^ (head.key.isEmpty ? 0 : head.key[$0 % 4])
            }
            let isWhole = payload.count == head.count
            at = head.start + payload.count
            if isControl {
                guard isWhole else { return }
                let event = try control(first & 0xF, payload)
                events.append(event)
                if case .close = event { return }
                continue
            }
            message = (message?.first ?? first, (message?.payload ?? []) + payload)
            let isEnd = first & 0x80 != 0 && isWhole
            if let message { try checkText(message.first, message.payload, isEnd: isEnd) }
            if isEnd, let (first, payload) = message {
                events.append(
                    .message(text: first & 0xF == 1, payload: payload, compressed: first & 64 != 0))
                message = nil
            }
        }
    }

    private func check(first: UInt8, isMessageOpen: Bool) throws(WebSocketError) {
        let opcode = first & 0xF
        let isStart = opcode == 1 || opcode == 2
        guard [0, 1, 2, 8, 9, 10].contains(opcode) else { throw .reservedOpcode(opcode) }
        let reserved = first / 16 % 8
        if reserved != 0, !(reserved == 4 && isStart && settings.compression) {
            throw .reservedBits(reserved)
        }
        if isStart && isMessageOpen { throw .messageInsideMessage }
        if opcode == 0 && !isMessageOpen { throw .continuationWithoutStart }
        if opcode >= 8 && first < 0x80 { throw .fragmentedControlFrame }
    }

    private func header(
        at: Int, _ isControl: Bool, before: Int
    ) throws(WebSocketError) -> (start: Int, count: Int, key: [UInt8])? {
        let isMasked = bytes[at] >= 0x80
        if settings.role == .server && !isMasked { throw .unmaskedClientFrame }
        if settings.role == .client && isMasked { throw .maskedServerFrame }
        var count = UInt64(bytes[at] % 128)
        if isControl && count > 125 { throw .controlFrameTooLong }
        let extra = count == 126 ? 2 : count == 127 ? 8 : 0
        if extra > 0 {
            guard at + extra < bytes.count else { return nil }
            count = bytes[(at + 1)...(at + extra)].reduce(0) { $0 * 256 + UInt64($1) }
            if count > UInt64(Int64.max) { throw .lengthTopBitSet }
            if count <= (extra == 2 ? 125 : 65535) { throw .lengthNotMinimal(count) }
        }
        let sum = count + UInt64(before)
        if !isControl && sum > UInt64(settings.limit) {
            throw .messageTooLarge(limit: settings.limit, measured: Int(clamping: sum))
        }
        let start = at + 1 + extra + (isMasked ? 4 : 0)
        guard start <= bytes.count else { return nil }
        return (start, Int(count), isMasked ? Array(bytes[(start - 4)..<start]) : [])
    }

    private func control(
        _ opcode: UInt8, _ payload: [UInt8]
    ) throws(WebSocketError) -> WebSocketDecoder.Event {
        if opcode == 9 { return .ping(payload) }
        if opcode == 10 { return .pong(payload) }
        if payload.isEmpty { return .close(code: nil, reason: []) }
        if payload.count == 1 { throw .closePayloadOfOneByte }
        let code = UInt16(payload[0]) * 256 + UInt16(payload[1])
        let named: [UInt16] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011]
        guard named.contains(code) || (1012...1014).contains(code) || (3000..<5000).contains(code)
        else { throw .invalidCloseCode(code) }
        let reason = Array(payload.dropFirst(2))
        guard String(validating: reason, as: UTF8.self) != nil else { throw .invalidUTF8 }
        return .close(code: code, reason: reason)
    }

    /// Text that is not at its end is possible if some bytes more would make it valid.
    private func checkText(
        _ first: UInt8, _ payload: [UInt8], isEnd: Bool
    ) throws(WebSocketError) {
        guard first & 0x4F == 0x01 else { return }
        if String(validating: payload, as: UTF8.self) != nil { return }
        guard !isEnd else { throw .invalidUTF8 }
        for second in [0x80, 0x90, 0xA0] as [UInt8] {
            for end in [[], [0x80], [0x80, 0x80]] as [[UInt8]]
            where String(validating: payload + [second] + end, as: UTF8.self) != nil { return }
        }
        throw .invalidUTF8
    }
}
