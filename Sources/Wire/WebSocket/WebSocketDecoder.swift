// WebSocket frames in, messages out: RFC 6455 §5 as a state machine over bytes.
// What it is not: it has no socket, no clock, and inflates nothing.
//
//   byte 0   FIN RSV1 RSV2 RSV3 opcode(4)
//   byte 1   MASK length(7)            126: 2 bytes of length follow, 127: 8 bytes
//   0, 2, 8  extended length, big-endian
//   0, 4     masking key
//   …        payload, XORed with the key

import Bytes

/// Decodes what one peer sends, one event at a time.
///
/// Small while idle: nothing is allocated between messages. A message whose frame lies whole in one
/// read is unmasked into one array of its exact size, which the event hands over. While a message
/// is incomplete, memory held is at most twice what has arrived of it plus
/// ``reserveAheadBytesMax``, whatever length was announced.
///
/// Owner loop only.
package struct WebSocketDecoder {
    /// Which end this decoder sits at.
    package enum Role: UInt8, Sendable {
        /// The peer is a client and must mask.
        case server
        /// The peer is a server and must not.
        case client
    }

    package enum Event: Equatable {
        /// A whole message, its fragments joined. Text is valid UTF-8 unless `compressed`: then the
        /// payload is DEFLATE data, and the caller checks the text that it inflates to.
        case message(text: Bool, payload: [UInt8], compressed: Bool)
        /// 0…125 bytes, to be sent back in a pong (RFC 6455 §5.5.2).
        case ping([UInt8])
        case pong([UInt8])
        /// `code` is nil when the frame was empty; `reason` is valid UTF-8, 0…123 bytes.
        case close(code: UInt16?, reason: [UInt8])
    }

    /// Bytes made room for beyond what has arrived of a frame.
    package static let reserveAheadBytesMax = 4096

    private enum Awaited: UInt8 {
        case firstByte
        case secondByte
        case length16
        case length64
        case key
        case payload
        /// A close came or a rule was broken; what follows is discarded (RFC 6455 §1.4).
        case nothing
    }

    /// What has arrived of the message begun.
    private var message: [UInt8] = []
    /// What has arrived of the control frame begun; it may come between two fragments.
    private var control: [UInt8] = []
    /// Payload bytes still due in this frame; while the length is read, what was read of it.
    private var remaining: UInt64 = 0
    private let messageBytesMax: Int
    /// The masking key, first wire byte lowest; 0 when there is none.
    private var key: UInt32 = 0
    /// Complete whenever a message ends, so the next one may go on with it.
    private var utf8 = UTF8Validator()
    private var awaited = Awaited.firstByte
    /// Bytes still due of the length or the key.
    private var missing: UInt8 = 0
    /// Payload bytes of this frame so far, modulo 4.
    private var phase: UInt8 = 0
    private var opcode = WebSocketOpcode.continuation
    private var isFinal = false
    private let role: Role
    private let compression: Bool
    /// A data frame began a message whose final frame has not ended.
    private var isMessageOpen = false
    private var isText = false
    private var isCompressed = false

    /// - Parameters:
    ///   - messageBytesMax: bytes a message may have as it travels, fragments summed; 1 or more.
    ///   - compression: whether permessage-deflate was agreed on, so that RSV1 may be set.
    package init(role: Role, messageBytesMax: Int, compression: Bool) {
        precondition(messageBytesMax > 0, "a limit of \(messageBytesMax) bytes a message")
        self.role = role
        self.messageBytesMax = messageBytesMax
        self.compression = compression
    }

    /// Bytes of memory held for what is incomplete; 0 between messages.
    package var heldBytes: Int { message.capacity + control.capacity }

    /// Bytes that have arrived of what is incomplete, headers aside; at least half of
    /// ``heldBytes`` less ``reserveAheadBytesMax``.
    package var unfinishedBytes: Int { message.count + control.count }

    /// Whether a message or a control frame has begun and not ended.
    package var isUnfinished: Bool { isMessageOpen || awaited != .firstByte && awaited != .nothing }

    /// Takes bytes from `offset` on, up to the end of the frame that completes an event.
    ///
    /// - Parameters:
    ///   - bytes: what was read; not kept after the call.
    ///   - offset: where to go on, 0…`bytes.count`; moved past what was taken.
    /// - Returns: the next event, or nil when all was taken and more is needed. After a close
    ///   event, or a throw, further bytes are discarded and the answer stays nil.
    /// - Throws: the first rule broken, as soon as it shows: an oversized frame when its length is
    ///   known, text at its first impossible byte.
    package mutating func next(
        _ bytes: Span<UInt8>, from offset: inout Int
    ) throws(WebSocketError) -> Event? {
        var none: [UInt8] = []
        return try next(bytes, from: &offset, reusing: &none)
    }

    /// The same, for a caller that does not keep messages.
    ///
    /// - Parameter spare: an array that is done with. A message that lies whole in `bytes` is given
    ///   in it; it is empty afterwards.
    package mutating func next(
        _ bytes: Span<UInt8>, from offset: inout Int, reusing spare: inout [UInt8]
    ) throws(WebSocketError) -> Event? {
        precondition(offset >= 0 && offset <= bytes.count, "offset \(offset) of \(bytes.count)")
        do throws(WebSocketError) {
            return try decode(bytes, from: &offset, &spare)
        } catch {
            end()
            throw error
        }
    }

    private mutating func decode(
        _ bytes: Span<UInt8>, from offset: inout Int, _ spare: inout [UInt8]
    ) throws(WebSocketError) -> Event? {
        while offset < bytes.count {
            switch awaited {
            case .firstByte:
                try takeFirstByte(bytes[offset])
                offset += 1
            case .secondByte:
                try takeSecondByte(bytes[offset])
                offset += 1
            case .length16:
                if takeLengthByte(bytes[offset], from: &offset) { try endLength(above: 125) }
            case .length64:
                if takeLengthByte(bytes[offset], from: &offset) { try endLength(above: 0xFFFF) }
            case .key:
                // Each byte enters on top, so the first of four ends up lowest.
                key = key >> 8 | UInt32(bytes[offset]) << 24
                offset += 1
                missing -= 1
                if missing == 0 { awaited = .payload }
            case .payload:
                break
            case .nothing:
                offset = bytes.count
            }
            // A frame without payload ends with its header, so this is asked after each step.
            if awaited == .payload, let event = try takePayload(bytes, from: &offset, &spare) {
                return event
            }
        }
        return nil
    }

    /// Frees what is held and refuses all that follows.
    private mutating func end() {
        awaited = .nothing
        message = []
        control = []
    }
}

// The header, byte by byte; each rule is checked at the first byte that can break it.
extension WebSocketDecoder {
    private mutating func takeFirstByte(_ byte: UInt8) throws(WebSocketError) {
        let reserved = byte >> 4 & 0b111
        guard let opcode = WebSocketOpcode(rawValue: byte & 0xF) else {
            throw .reservedOpcode(byte & 0xF)
        }
        let isFirstOfMessage = opcode == .text || opcode == .binary
        let allowed: UInt8 = compression && isFirstOfMessage ? 0b100 : 0
        guard reserved & ~allowed == 0 else { throw .reservedBits(reserved) }

        self.opcode = opcode
        isFinal = byte & 0x80 != 0
        switch opcode {
        case .text, .binary:
            guard !isMessageOpen else { throw .messageInsideMessage }
            isMessageOpen = true
            isText = opcode == .text
            isCompressed = reserved & 0b100 != 0
        case .continuation:
            guard isMessageOpen else { throw .continuationWithoutStart }
        case .close, .ping, .pong:
            guard isFinal else { throw .fragmentedControlFrame }
        }
        awaited = .secondByte
    }

    private mutating func takeSecondByte(_ byte: UInt8) throws(WebSocketError) {
        let isMasked = byte & 0x80 != 0
        switch role {
        case .server: guard isMasked else { throw .unmaskedClientFrame }
        case .client: guard !isMasked else { throw .maskedServerFrame }
        }
        let length = byte & 0x7F
        guard length <= 125 || !opcode.isControl else { throw .controlFrameTooLong }
        if length <= 125 {
            remaining = UInt64(length)
            try acceptLength()
        } else {
            remaining = 0
            missing = length == 126 ? 2 : 8
            awaited = length == 126 ? .length16 : .length64
        }
    }

    /// - Returns: whether it was the last.
    private mutating func takeLengthByte(_ byte: UInt8, from offset: inout Int) -> Bool {
        remaining = remaining << 8 | UInt64(byte)
        offset += 1
        missing -= 1
        return missing == 0
    }

    /// - Parameter above: the largest length that a shorter form holds.
    private mutating func endLength(above: UInt64) throws(WebSocketError) {
        guard remaining >> 63 == 0 else { throw .lengthTopBitSet }
        guard remaining > above else { throw .lengthNotMinimal(remaining) }
        try acceptLength()
    }

    private mutating func acceptLength() throws(WebSocketError) {
        if !opcode.isControl {
            // Two numbers below 2^63 each.
            let measured = remaining + UInt64(message.count)
            guard measured <= UInt64(messageBytesMax) else {
                throw .messageTooLarge(
                    limit: messageBytesMax, measured: Int(clamping: measured))
            }
        }
        key = 0
        phase = 0
        missing = role == .server ? 4 : 0
        awaited = role == .server ? .key : .payload
    }
}

// The payload, as it comes.
extension WebSocketDecoder {
    private mutating func takePayload(
        _ bytes: Span<UInt8>, from offset: inout Int, _ spare: inout [UInt8]
    ) throws(WebSocketError) -> Event? {
        // `remaining` is at most `messageBytesMax` or 125, so it fits.
        let count = min(Int(remaining), bytes.count - offset)
        let arrived = bytes.extracting(offset..<(offset + count))
        offset += count
        if opcode.isControl {
            control.reserveCapacity(Int(remaining))
            appendMasked(arrived, key: key, phase: Int(phase), to: &control)
        } else {
            if !spare.isEmpty, isFinal, message.isEmpty, count == Int(remaining) {
                swap(&message, &spare)
                message.removeAll(keepingCapacity: true)
            }
            try takeData(arrived)
        }
        remaining -= UInt64(count)
        phase = UInt8(truncatingIfNeeded: (Int(phase) + count) & 3)
        guard remaining == 0 else { return nil }
        awaited = .firstByte
        return try endFrame()
    }

    private mutating func takeData(_ arrived: Span<UInt8>) throws(WebSocketError) {
        let before = message.count
        makeRoom(for: arrived.count)
        appendMasked(arrived, key: key, phase: Int(phase), to: &message)
        if isText && !isCompressed {
            var utf8 = utf8
            let isPossible = utf8.feed(message.span.extracting(before..<message.count))
            self.utf8 = utf8
            guard isPossible else { throw .invalidUTF8 }
        }
    }

    /// Grows by doubling, so that many small fragments cost no more than their bytes; but a final
    /// frame says where the message ends, and no room is made beyond that.
    private mutating func makeRoom(for count: Int) {
        let needed = message.count + count
        guard needed > message.capacity else { return }
        var wanted = max(needed, 2 * message.count)
        if isFinal {
            let end = message.count + Int(remaining)
            wanted = min(max(wanted, needed + Self.reserveAheadBytesMax), end)
        }
        message.reserveCapacity(wanted)
    }

    private mutating func endFrame() throws(WebSocketError) -> Event? {
        switch opcode {
        case .continuation, .text, .binary:
            guard isFinal else { return nil }
            guard utf8.isComplete else { throw .invalidUTF8 }
            isMessageOpen = false
            return .message(text: isText, payload: take(&message), compressed: isCompressed)
        case .ping: return .ping(take(&control))
        case .pong: return .pong(take(&control))
        case .close: return try endClose()
        }
    }

    /// RFC 6455 §5.5.1: nothing, or a code and perhaps a reason.
    private mutating func endClose() throws(WebSocketError) -> Event {
        let payload = control
        end()
        if payload.isEmpty { return .close(code: nil, reason: []) }
        guard payload.count >= 2 else { throw .closePayloadOfOneByte }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard WebSocketCloseCode.isAllowedInFrame(code) else { throw .invalidCloseCode(code) }
        let isText = isValidUTF8(payload.span.extracting(2..<payload.count))
        guard isText else { throw .invalidUTF8 }
        return .close(code: code, reason: Array(payload[2...]))
    }
}

/// Moves the bytes out: the array is not copied, and what is left holds no memory.
private func take(_ bytes: inout [UInt8]) -> [UInt8] {
    let taken = bytes
    bytes = []
    return taken
}
