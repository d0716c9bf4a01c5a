// WebSocket frames in both directions, offers of extensions, compressed messages.

import Bytes
import Deflate
import Wire

private let messageBytesMax = 300

private struct Heard: Equatable {
    var events: [WebSocketDecoder.Event] = []
    var error: WebSocketError?
}

private func read(
    _ role: WebSocketDecoder.Role, compression: Bool, _ pieces: [[UInt8]]
) throws(Fault) -> Heard {
    var decoder = WebSocketDecoder(
        role: role, messageBytesMax: messageBytesMax, compression: compression)
    var heard = Heard()
    var taken = 0
    for piece in pieces {
        var offset = 0
        do throws(WebSocketError) {
            while let event = try decoder.next(piece.span, from: &offset) {
                heard.events.append(event)
            }
        } catch {
            heard.error = error
            return heard
        }
        taken += piece.count
        let heldMax = 2 * taken + WebSocketDecoder.reserveAheadBytesMax + 256
        try require(decoder.heldBytes <= heldMax, "\(decoder.heldBytes) held after \(taken)")
    }
    return heard
}

/// The events, framed anew by the other end.
private func framed(_ events: [WebSocketDecoder.Event], masked: Bool) -> [UInt8] {
    let buffer = ByteBuffer()
    func append(_ opcode: WebSocketOpcode, _ payload: [UInt8], compressed: Bool = false) {
        if masked {
            precondition(!compressed)
            WebSocketEncoder.appendMaskedFrame(
                opcode, final: true, payload: payload.span, key: 0x0102_0304, to: buffer)
        } else {
            WebSocketEncoder.appendFrame(
                opcode, compressed: compressed, payload: payload.span, to: buffer)
        }
    }
    for event in events {
        switch event {
        case .message(let isText, let payload, let compressed):
            append(isText ? .text : .binary, payload, compressed: compressed)
        case .ping(let payload): append(.ping, payload)
        case .pong(let payload): append(.pong, payload)
        case .close(let code, let reason):
            let text = String(decoding: reason, as: UTF8.self)
            if masked {
                append(.close, (code.map { [UInt8($0 >> 8), UInt8($0 & 255)] } ?? []) + reason)
            } else {
                WebSocketEncoder.appendClose(code: code, reason: text, to: buffer)
            }
        }
    }
    return buffer.array()
}

private func check(
    _ role: WebSocketDecoder.Role, compression: Bool, _ input: [UInt8]
) throws(Fault) {
    let heard = try sameHoweverCut(input) { (pieces) throws(Fault) in
        try read(role, compression: compression, pieces)
    }
    for event in heard.events {
        switch event {
        case .message(let isText, let payload, let compressed):
            try require(payload.count <= messageBytesMax, "a message of \(payload.count) bytes")
            try require(compression || !compressed, "compressed, which was not agreed on")
            let isRight = !isText || compressed || isValidUTF8(payload.span)
            try require(isRight, "a text that is not UTF-8")
        case .ping(let payload), .pong(let payload):
            try require(payload.count <= 125, "a control frame of \(payload.count) bytes")
        case .close(let code, let reason):
            try require(isValidUTF8(reason.span) && reason.count <= 123, "a reason")
            let isRight = code.map { WebSocketCloseCode.isAllowedInFrame($0) } ?? true
            try require(isRight, "code \(code ?? 0)")
        }
    }
    let isMasked = role == .server
    if isMasked, compression { return }
    let again = try read(role, compression: compression, [framed(heard.events, masked: isMasked)])
    try require(
        again == Heard(events: heard.events), "\(heard.events), framed anew: \(again)")
}

func webSocketServer(_ input: [UInt8]) throws(Fault) {
    try check(.server, compression: true, input)
    try check(.server, compression: false, input)
}

func webSocketClient(_ input: [UInt8]) throws(Fault) {
    try check(.client, compression: true, input)
    try check(.client, compression: false, input)
}

/// Lines of the input are values of the field.
func webSocketOffer(_ input: [UInt8]) throws(Fault) {
    let values = input.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    guard let agreement = PermessageDeflate.negotiate(values) else { return }
    try require(
        PermessageDeflate.serverWindowBitsRange.contains(agreement.serverWindowBits),
        "\(agreement.serverWindowBits) bits")
    let answer = WebSocketExtensionOffer.parse([agreement.responseValue])
    try require(answer?.count == 1, "an answer that does not parse: \(agreement.responseValue)")
    try require(
        WebSocketExtensionOffer.parse(values)?.contains { $0.name == PermessageDeflate.name }
            == true, "agreed on what was not offered")
}

/// As a compressed message, and as a message to be compressed.
func deflate(_ input: [UInt8]) throws(Fault) {
    let inflater = Inflater()
    for limit in [0, 100, 10_000] {
        guard let plain = try? inflater.inflateMessage(input.span, limit: limit) else { continue }
        try require(plain.count <= limit, "\(plain.count) bytes of \(limit)")
    }
    let deflater = Deflater(windowBits: 9 + input.count % 7)
    let compressed = ByteBuffer()
    deflater.compressMessage(input.span, to: compressed)
    let array = compressed.array()
    let plain = try? inflater.inflateMessage(array.span, limit: input.count)
    try require(plain == input, "\(input.count) bytes came back as \(plain?.count ?? -1)")
    guard input.count > 0 else { return }
    let cut = try? inflater.inflateMessage(array.span, limit: input.count - 1)
    try require(cut == nil, "a limit of one byte less let it through")
}
