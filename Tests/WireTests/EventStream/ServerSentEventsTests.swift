import Bytes
import Testing

@testable import Wire

/// One event's text in the stream.
func streamText(
    id: (epoch: [UInt8], sequence: UInt64)? = nil, event: String? = nil, data: String
) -> String {
    let buffer = ByteBuffer()
    let bytes = Array(data.utf8)
    ServerSentEvents.append(
        id: id, event: event.map { Array($0.utf8) }, data: bytes.span, to: buffer)
    return String(decoding: buffer.array(), as: UTF8.self)
}

@Suite struct ServerSentEventsTests {
    @Test func `the fields come in the order id, event, data`() {
        let text = streamText(id: (Array("k7".utf8), 12), event: "chat", data: "hello")
        #expect(text == "id: k7-12\nevent: chat\ndata: hello\n\n")
        #expect(streamText(event: "gap", data: "x") == "event: gap\ndata: x\n\n")
        #expect(
            streamText(id: (Array("k".utf8), .max), data: "")
                == "id: k-18446744073709551615\ndata:\n\n")
    }

    static let datas: [(String, [String])] = [
        ("", [""]),
        ("one", ["one"]),
        (" led by a space", [" led by a space"]),
        ("a\nb", ["a", "b"]),
        ("a\rb", ["a", "b"]),
        ("a\r\nb", ["a", "b"]),
        ("a\n\rb", ["a", "", "b"]),
        ("a\r\rb", ["a", "", "b"]),
        ("a\r\n\r\nb", ["a", "", "b"]),
        ("\n", ["", ""]),
        ("\r\n", ["", ""]),
        ("\r", ["", ""]),
        ("a\n", ["a", ""]),
        ("a\r", ["a", ""]),
        ("\na", ["", "a"]),
        ("data: x\n\nevent: forged", ["data: x", "", "event: forged"]),
        ("a\u{85}b\u{2028}c\u{B}d", ["a\u{85}b\u{2028}c\u{B}d"]),
    ]

    @Test(arguments: datas)
    func `data is one field for each of its lines`(data: String, lines: [String]) {
        let expected = lines.map { $0.isEmpty ? "data:\n" : "data: \($0)\n" }.joined() + "\n"
        #expect(streamText(data: data) == expected)
    }

    @Test func `comments and retry are written`() {
        let buffer = ByteBuffer()
        ServerSentEvents.append(retryMilliseconds: 2500, to: buffer)
        ServerSentEvents.append(comment: "", to: buffer)
        ServerSentEvents.append(comment: "hello", to: buffer)
        #expect(buffer.array() == Array("retry: 2500\n\n: \n\n: hello\n\n".utf8))
    }

    static let names: [([UInt8], Bool)] = [
        (Array("chat".utf8), true),
        (Array("é 😀:".utf8), true),
        ([], false),
        (Array("a\nb".utf8), false),
        (Array("a\rb".utf8), false),
        (Array("a\u{0}".utf8), false),
        ([0x61, 0xFF], false),
        ([UInt8](repeating: 0x61, count: 255), true),
        ([UInt8](repeating: 0x61, count: 256), false),
    ]

    @Test(arguments: names)
    func `an event's name is text that cannot forge a field`(name: [UInt8], isValid: Bool) {
        let found = ServerSentEvents.isValidEventName(name.span)
        #expect(found == isValid)
    }
}
