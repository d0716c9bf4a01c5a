// In which words messages are put to a server.

import Testing

@testable import carillon_bench

@Suite struct PublishingTests {
    static func publishing(
        _ way: PublishingWay, _ server: ServerKind = .carillon, connections: Int = 1,
        batch: Int = 1,
        of streams: Streams = rooms
    ) throws -> Publishing {
        let target = try Target(
            server: server, transport: .ws, host: 0, port: 80, channel: "b", tls: nil)
        return try Publishing(
            way: way, connections: connections, batch: batch, to: target, streams)
    }

    static func turn(_ publishing: Publishing, _ texts: [(UInt64, String)]) -> Publishing.Turn {
        var turn = Publishing.Turn()
        for (sequence, text) in texts {
            Array(text.utf8).withUnsafeBytes { publishing.append($0, sequence, to: &turn) }
        }
        return turn
    }

    static let rooms = Streams(count: 8, each: 2, areChannels: true)

    @Test func `a post goes to the message's room`() throws {
        let turn = Self.turn(try Self.publishing(.http), [(10, "one"), (3, "three")])
        let text = String(decoding: turn.bytes, as: UTF8.self)
        #expect(
            text
                == "POST /channels/b-2 HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 3\r\n\r\none"
                + "POST /channels/b-3 HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 5\r\n\r\nthree"
        )
    }

    @Test func `a batch is sealed when it is full, and when there is no more`() throws {
        let publishing = try Self.publishing(.http, batch: 2)
        var turn = Self.turn(publishing, [(0, "x"), (1, "y"), (9, "z")])
        let first =
            #"{"channel":"b-0","data":"x"}"# + "\n" + #"{"channel":"b-1","data":"y"}"# + "\n"
        let head = "POST /publish HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: "
        #expect(String(decoding: turn.bytes, as: UTF8.self) == head + "58\r\n\r\n" + first)
        turn.bytes = []
        publishing.seal(&turn)
        let second = #"{"channel":"b-1","data":"z"}"# + "\n"
        #expect(String(decoding: turn.bytes, as: UTF8.self) == head + "29\r\n\r\n" + second)
        turn.bytes = []
        publishing.seal(&turn)
        #expect(turn.bytes.isEmpty)
    }

    @Test func `a command names the room, a bare frame has the message only`() throws {
        let command = Self.turn(try Self.publishing(.ws), [(2, "x")]).bytes
        let expected = #"{"op":"publish","channel":"b-2","data":"x"}"#
        #expect(command.count == 6 + expected.utf8.count)
        let one = Streams(count: 1, each: 1, areChannels: false)
        #expect(Self.turn(try Self.publishing(.ws, of: one), [(2, "x")]).bytes.count == 7)
    }

    @Test func `where a connection has one room only, there is a connection for each`() throws {
        #expect(try Self.publishing(.ws, .floor).connections == 8)
        #expect(try Self.publishing(.ws, .carillon, connections: 3).connections == 3)
        #expect(try Self.publishing(.http, connections: 30).connections == 8)
    }

    @Test(arguments: [(.floor, 1), (.nodews, 1), (.nchan, 2)] as [(ServerKind, Int)])
    func `a server is not asked for what it has not`(_ server: ServerKind, _ batch: Int) {
        #expect(throws: Failure.self) {
            try Self.publishing(.http, server, batch: batch)
        }
    }
}
