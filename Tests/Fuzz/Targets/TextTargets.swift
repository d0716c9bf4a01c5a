// Event streams, lines, JSON, base64, ids, UTF-8.

import Bytes
import Wire

private struct Events: Equatable {
    var events: [ServerSentEvent] = []
    var lastID: [UInt8] = []
    var retry: UInt64?
    var broken = false
}

private func read(_ pieces: [[UInt8]]) -> Events {
    var parser = EventStreamParser(eventBytesMax: 200)
    var read = Events()
    do throws(EventStreamError) {
        for piece in pieces { try parser.feed(piece.span, into: &read.events) }
    } catch {
        read.broken = true
    }
    read.lastID = parser.lastEventID
    read.retry = parser.retryMilliseconds
    return read
}

func eventStream(_ input: [UInt8]) throws(Fault) {
    let whole = try sameHoweverCut(input) { read($0) }
    for event in whole.events {
        try require(event.data.count <= 200, "data of \(event.data.count) bytes")
        let buffer = ByteBuffer()
        let name = Array("message".utf8) == event.type ? nil : event.type
        if let name, !ServerSentEvents.isValidEventName(name.span) { continue }
        ServerSentEvents.append(id: nil, event: name, data: event.data.span, to: buffer)
        var parser = EventStreamParser(eventBytesMax: 1_000)
        var again: [ServerSentEvent] = []
        try? parser.feed(buffer.array().span, into: &again)
        let isSame = again.count == 1 && again[0].data == event.data && again[0].type == event.type
        try require(isSame || event.data.isEmpty, "\(event), written and read: \(again)")
    }
}

private struct Lines: Equatable {
    var lines: [[UInt8]] = []
    var broken = false
}

func lines(_ input: [UInt8]) throws(Fault) {
    let whole = try sameHoweverCut(input) { pieces in
        var splitter = LineSplitter(lineBytesMax: 40)
        var lines = Lines()
        do throws(LineSplitterError) {
            for piece in pieces {
                try splitter.feed(piece.span) { line, _ in lines.lines.append(array(line)) }
            }
            try splitter.finish { line, _ in lines.lines.append(array(line)) }
        } catch {
            lines.broken = true
        }
        return lines
    }
    for line in whole.lines {
        try require((1...40).contains(line.count), "a line of \(line.count) bytes")
        try require(!line.contains(0x0A), "a line with a line feed")
    }
    guard !whole.broken else { return }
    let plain = input.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }
        .filter { !$0.isEmpty }.map { Array($0) }
    try require(whole.lines == plain, "\(whole.lines) where \(plain)")
}

func json(_ input: [UInt8]) throws(Fault) {
    let isValid = (try? validateJSON(input.span, depthMax: 8)) != nil
    if isValid {
        try require(isValidUTF8(input.span), "valid JSON that is not UTF-8")
        let text = ByteBuffer()
        appendJSONText(input.span, to: text)
        let array = text.array()
        try require(!array.contains(0x0A) && !array.contains(0x0D), "a line break is left")
        try require((try? validateJSON(array.span, depthMax: 8)) != nil, "one line is not valid")
    }
    if let object = try? JSONObject(parsing: input, depthMax: 8, keysMax: 8) {
        try require(isValid, "an object that is not valid JSON")
        try require(object.keys.count <= 8, "\(object.keys.count) keys")
        _ = (try? object.string("op"), try? object.unsigned("ref"), try? object.strings("a"))
        if let data = object.raw("data") {
            let value = Array(input[data])
            try require((try? validateJSON(value.span, depthMax: 8)) != nil, "a value \(value)")
        }
    }
    guard isValidUTF8(input.span) else { return }
    // Any text, as a string and back.
    let quoted = ByteBuffer()
    quoted.append("{\"k\":")
    appendJSONString(input.span, to: quoted)
    quoted.append("}")
    let back = try? JSONObject(parsing: quoted.array()).utf8("k")
    try require(back == input, "\(input) came back as \(String(describing: back))")
}

func base64Text(_ input: [UInt8]) throws(Fault) {
    let encoded = Array(base64(input.span).utf8)
    try require((try? decodeBase64(encoded.span)) == input, "\(input) does not come back")
    guard let decoded = try? decodeBase64(input.span) else { return }
    // There is one spelling only.
    try require(Array(base64(decoded.span).utf8) == input, "two spellings of \(decoded)")
}

func messageID(_ input: [UInt8]) throws(Fault) {
    guard let id = MessageID(input.span) else { return }
    try require(Array(id.description.utf8) == input, "\(id) is another spelling")
    let buffer = ByteBuffer()
    id.append(to: buffer)
    try require(buffer.array() == input, "written as \(buffer.array())")
}

func utf8(_ input: [UInt8]) throws(Fault) {
    let expected = String(validating: input, as: UTF8.self) != nil
    try require(isValidUTF8(input.span) == expected, "\(input) where the library says \(expected)")
    let isValid = try sameHoweverCut(input) { pieces in
        var validator = UTF8Validator()
        for piece in pieces where !validator.feed(piece.span) { return false }
        return validator.isComplete
    }
    try require(isValid == expected, "in pieces \(isValid), whole \(expected)")
}
