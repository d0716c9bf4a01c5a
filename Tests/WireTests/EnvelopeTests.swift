import Bytes
import Foundation
import Testing

@testable import Wire

private func envelope(
    channel: String? = nil, event: String? = nil, time: UInt64 = 0, kind: PayloadKind = .text,
    payload: [UInt8]
) -> String {
    let buffer = ByteBuffer()
    appendEnvelope(
        channel: channel.map { Array($0.utf8) }, epoch: Epoch(Array("E".utf8).span)!, sequence: 12,
        event: event.map { Array($0.utf8) }, timeMilliseconds: time, kind: kind,
        payload: payload.span, to: buffer)
    return String(decoding: buffer.array(), as: UTF8.self)
}

@Suite struct EnvelopeTests {
    @Test func `the keys come in the order channel, id, event, time, data`() {
        let text = envelope(
            channel: "c", event: "e", time: 1_700_000_000_000, payload: Array("hi".utf8))
        #expect(
            text == #"{"channel":"c","id":"E-12","event":"e","time":1700000000000,"data":"hi"}"#)
    }

    @Test func `what a message does not have is left out`() {
        #expect(envelope(payload: []) == #"{"id":"E-12","data":""}"#)
        #expect(envelope(channel: "c", payload: []) == #"{"channel":"c","id":"E-12","data":""}"#)
        #expect(envelope(event: "e", payload: []) == #"{"id":"E-12","event":"e","data":""}"#)
        #expect(envelope(time: 1, payload: []) == #"{"id":"E-12","time":1,"data":""}"#)
    }

    @Test func `each kind of payload has its form`() {
        let text = envelope(kind: .text, payload: Array("a\"\n".utf8))
        #expect(text == #"{"id":"E-12","data":"a\"\n"}"#)
        let json = envelope(kind: .json, payload: Array("{\"a\":\r\n[1]}".utf8))
        #expect(json == #"{"id":"E-12","data":{"a":  [1]}}"#)
        let binary = envelope(kind: .binary, payload: [0, 0xFF, 10])
        #expect(binary == #"{"id":"E-12","data":{"base64":"AP8K"}}"#)
        let empty = envelope(kind: .binary, payload: [])
        #expect(empty == #"{"id":"E-12","data":{"base64":""}}"#)
    }

    @Test func `names are escaped`() {
        let text = envelope(channel: #"a"b\c"#, event: "x\"", payload: [])
        #expect(text == #"{"channel":"a\"b\\c","id":"E-12","event":"x\"","data":""}"#)
    }

    @Test(arguments: [UInt64](1...4))
    func `an envelope is valid JSON on one line, and holds what was put in`(seed: UInt64) throws {
        var random = TextRandom(seed: seed)
        for length in 0..<100 {
            let channel = random.text(scalars: 5)
            let name = random.text(scalars: 3)
            let text = random.text(scalars: length)
            let bytes = random.bytes(count: length)
            let json = random.json(depth: 4)
            let cases: [(PayloadKind, [UInt8])] = [
                (.text, Array(text.utf8)), (.binary, bytes), (.json, Array(json.utf8)),
            ]
            for (kind, payload) in cases {
                let whole = envelope(
                    channel: channel, event: name, time: 5, kind: kind, payload: payload)
                #expect(!whole.utf8.contains(0x0A) && !whole.utf8.contains(0x0D), "seed \(seed)")
                let object = try JSONObject(parsing: Array(whole.utf8))
                #expect(object.keys == ["channel", "id", "event", "time", "data"])
                #expect(try object.string("channel") == channel, "seed \(seed)")
                #expect(try object.string("event") == name, "seed \(seed)")
                #expect(try object.unsigned("time") == 5)
                switch kind {
                case .text:
                    #expect(try object.string("data") == text, "seed \(seed)")
                case .binary:
                    let inner = try JSONObject(parsing: Array(object.bytes[object.raw("data")!]))
                    let encoded = try #require(try inner.utf8("base64"))
                    #expect(try decodeBase64(encoded.span) == bytes, "seed \(seed)")
                case .json:
                    let options = JSONSerialization.ReadingOptions.fragmentsAllowed
                    let found = try JSONSerialization.jsonObject(
                        with: Data(object.bytes[object.raw("data")!]), options: options)
                    let given = try JSONSerialization.jsonObject(
                        with: Data(json.utf8), options: options)
                    #expect((found as? NSObject) == (given as? NSObject), "seed \(seed)")
                }
            }
        }
    }
}
