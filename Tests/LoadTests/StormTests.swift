// Subscribers that are cut off and go on, on a server that does so rightly or wrongly.

import Glibc
import Testing

@testable import carillon_bench

@Suite struct StormTests {
    /// What the server sends after the cut; before it, messages 0 to 4.
    struct After: CustomTestStringConvertible {
        var sequences: [UInt64]
        var spoilt: UInt64?
        var expected: Tally

        var testDescription: String { "\(sequences)\(spoilt.map { ", \($0) spoilt" } ?? "")" }
    }

    static let afters = [
        After(sequences: [5, 6, 7], expected: Tally()),
        After(sequences: [6, 7], expected: Tally(lost: 1)),
        After(sequences: [4, 5, 6, 7], expected: Tally(duplicated: 1)),
        After(sequences: [5, 7, 6], expected: Tally(reordered: 1)),
        After(sequences: [5, 6, 7], spoilt: 5, expected: Tally(lost: 1, damaged: 1)),
    ]

    static func messages(
        _ transport: Transport, _ sequences: [UInt64], spoilt: UInt64?
    ) -> [UInt8] {
        let pairs = sequences.map { sequence in
            var payload = ReceiptTests.payload(sequence)
            if sequence == spoilt { payload[50] ^= 1 }
            return (id: "e-\(sequence)", data: String(decoding: payload, as: UTF8.self))
        }
        let objects = pairs.map {
            #"{"channel":"b","id":"\#($0.id)","time":1,"data":"\#($0.data)"}"#
        }
        switch transport {
        case .ws:
            let head =
                "HTTP/1.1 101 Switching Protocols\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            return Array(head.utf8) + objects.flatMap { CodecTests.frame($0) }
        case .sse:
            let events = pairs.map { "id: \($0.id)\ndata: \($0.data)\n\n" }
            return Array(("HTTP/1.1 200 OK\r\n\r\nretry: 1\n\n" + events.joined()).utf8)
        case .ndjson:
            return Array(("HTTP/1.1 200 OK\r\n\r\n" + objects.map { $0 + "\n" }.joined()).utf8)
        case .poll:
            let body = #"{"messages":["# + objects.joined(separator: ",") + "]}"
            let tag = pairs.last?.id ?? ""
            let head =
                "HTTP/1.1 200 OK\r\nETag: \"\(tag)\"\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            return Array((head + body).utf8)
        }
    }

    /// After so many turns what has not come will not, and the claim fails.
    static let turnsMax = 300
    static let turnNanoseconds: UInt64 = 100_000_000

    /// One subscriber's two lives: until `first` messages came, and until it `isOver`.
    struct Lives {
        var tally = Tally()
        var requests: [String] = []
        var failure: String?
    }

    static func live(
        _ transport: Transport, _ answers: [[UInt8]], first: UInt64,
        until isOver: (borrowing Receipt) -> Bool
    ) throws -> Lives {
        let server = try ScriptedServer(answers)
        let target = try Target(
            server: .carillon, transport: transport, host: 0x7f00_0001, port: server.port,
            channel: "b", tls: nil)
        let wake = makeWakeDescriptor()
        defer { close(wake) }
        let links = try Links(
            target: target, subscription: Subscription(streams: .one, resumes: true, first: 0),
            members: 1, messageBytes: 64, wake: wake)
        let sentAt = UnsafeMutablePointer<UInt64>.allocate(capacity: Receipt.timesKept)
        sentAt.initialize(repeating: 0, count: Receipt.timesKept)
        defer { sentAt.deallocate() }
        var receipt = Receipt(
            book: PayloadBook(run: 7, bytes: 64), sentAt: sentAt, audience: [1], window: 0)
        try links.open(0, as: .subscriber)
        for _ in 0..<turnsMax where receipt.delivered < first {
            try links.turn(waitingAtMost: turnNanoseconds, &receipt)
        }
        try links.cut()
        #expect(links.isClosed(0))
        try links.open(0, as: .subscriber)
        for _ in 0..<turnsMax where links.failed == 0 && !isOver(receipt) {
            try links.turn(waitingAtMost: turnNanoseconds, &receipt)
        }
        return Lives(
            tally: receipt.tally, requests: server.requestTexts(), failure: links.firstFailure)
    }

    @Test(arguments: Transport.allCases, afters)
    func `what goes wrong across a cut shows`(_ transport: Transport, _ after: After) throws {
        let answers = [
            Self.messages(transport, [0, 1, 2, 3, 4], spoilt: nil),
            Self.messages(transport, after.sequences, spoilt: after.spoilt),
        ]
        let lives = try Self.live(transport, answers, first: 5) { receipt in
            let tally = receipt.tally
            let taken = receipt.delivered + tally.duplicated + tally.damaged
            return taken == 5 + UInt64(after.sequences.count)
        }
        #expect(lives.tally == after.expected && lives.failure == nil)
    }

    @Test(
        arguments: [
            (.ws, "GET /channels/b?after=e-4 HTTP/1.1\r\n"), (.sse, "Last-Event-ID: e-4\r\n"),
            (.ndjson, "Last-Event-ID: e-4\r\n"), (.poll, "If-None-Match: \"e-4\"\r\n"),
        ] as [(Transport, String)])
    func `who comes back says where it was`(_ transport: Transport, _ place: String) throws {
        let answers = [
            Self.messages(transport, [0, 1, 2, 3, 4], spoilt: nil),
            Self.messages(transport, [5], spoilt: nil),
        ]
        let lives = try Self.live(transport, answers, first: 5) { $0.delivered == 6 }
        #expect(lives.requests.count == 2 && lives.requests[1].contains(place))
        #expect(!lives.requests[0].contains("e-4"))
    }

    @Test(
        arguments: [
            (.ndjson, "HTTP/1.1 200 OK\r\n\r\n{\"gap\":{\"channel\":\"b\"}}\n"),
            (.sse, "HTTP/1.1 200 OK\r\n\r\nevent: gap\ndata: {\"gap\":{}}\n\n"),
            (.poll, "HTTP/1.1 200 OK\r\nCarillon-Gap: true\r\nContent-Length: 0\r\n\r\n"),
        ] as [(Transport, String)])
    func `a gap that the server tells of is a failure`(
        _ transport: Transport, _ answer: String
    ) throws {
        let answers = [
            Self.messages(transport, [0, 1, 2, 3, 4], spoilt: nil), Array(answer.utf8),
        ]
        let lives = try Self.live(transport, answers, first: 5) { _ in false }
        #expect(lives.failure?.contains("gap") == true && lives.tally.closed == 1)
    }
}
