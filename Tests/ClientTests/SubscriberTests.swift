// Reconnecting, against peers that say what the test tells them to.

import Glibc
import TLS
import Testing

@testable import Client

@Suite struct SubscriberTests {
    private func subscriber(
        _ server: ScriptedServer, _ transport: Transport = .serverSentEvents, after: String? = nil,
        reconnects: Bool = true
    ) throws -> Subscriber {
        try Subscriber(
            channelURL(server.address, .serverSentEvents), transport: transport, after: after,
            reconnects: reconnects, backoff: Backoff(firstMilliseconds: 0))
    }

    private func lastEventIDs(_ server: ScriptedServer) -> [String?] {
        server.requests.map { request in
            request.split(separator: "\r\n").first { $0.hasPrefix("Last-Event-ID: ") }
                .map { String($0.dropFirst(15)) }
        }
    }

    private let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    private let poll = "HTTP/1.1 204 No Content\r\nConnection: close\r\n"

    @Test func `a broken stream is taken up after the last id`() throws {
        let server = ScriptedServer()
        let scripts = [
            stream + "retry: 0\n\nid: e-1\ndata: a\n\nid: e-2\ndata: cut",
            stream + "id: e-2\ndata: b\n\n",
        ]
        try server.run(scripts) {
            let found = try follow(try subscriber(server), count: 2)
            #expect(found == ["a", "b"])
        }
        #expect(lastEventIDs(server) == [nil, "e-1"])
    }

    @Test func `a stream that breaks before its first message is taken up where now was`() throws {
        let server = ScriptedServer()
        let scripts = [stream + "id: e-7\n\n", stream + "id: e-8\ndata: a\n\n"]
        try server.run(scripts) {
            let found = try follow(try subscriber(server), count: 1)
            #expect(found == ["a"])
        }
        #expect(lastEventIDs(server) == [nil, "e-7"])
    }

    @Test func `after a bad moment of the server it is tried again`() throws {
        let server = ScriptedServer()
        let scripts = [
            stream + "id: e-1\ndata: a\n\n", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "",
            stream + "id: e-2\ndata: b\n\n",
        ]
        try server.run(scripts) {
            let found = try follow(try subscriber(server), count: 2)
            #expect(found == ["a", "b"])
        }
        #expect(lastEventIDs(server) == [nil, "e-1", "e-1", "e-1"])
    }

    @Test func `the first connection is not tried again`() throws {
        let server = ScriptedServer()
        try server.run(["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"]) {
            #expect(throws: ClientError.refused(status: 503, detail: "", retryAfterSeconds: nil)) {
                try follow(try subscriber(server), count: 1)
            }
        }
        #expect(server.requests.count == 1)
    }

    @Test func `a refusal that will not pass ends it`() throws {
        let server = ScriptedServer()
        let scripts = [
            stream + "id: e-1\ndata: a\n\n", "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
        ]
        try server.run(scripts) {
            #expect(throws: ClientError.refused(status: 401, detail: "", retryAfterSeconds: nil)) {
                try follow(try subscriber(server), count: 2)
            }
        }
    }

    @Test func `who does not reconnect is told of the break, after what came before it`() throws {
        let server = ScriptedServer()
        try server.run([stream + "id: e-1\ndata: a\n\n"]) {
            let subscriber = try subscriber(server, reconnects: false)
            var found: [String] = []
            #expect(throws: ClientError.closedByServer) {
                try subscriber.run(until: testDeadline()) { batch in
                    found += texts(batch)
                    return true
                }
            }
            #expect(found == ["a"])
            #expect(subscriber.position == Array("e-1".utf8))
        }
    }

    @Test func `a message that comes in one piece with the end is not lost`() throws {
        let server = ScriptedServer()
        let event = "id: e-1\ndata: a\n\n"
        let whole = """
            HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
            Content-Length: \(event.utf8.count)\r\n\r\n\(event)
            """
        try server.run([whole, stream + "id: e-2\ndata: b\n\n"]) {
            let found = try follow(try subscriber(server), count: 2)
            #expect(found == ["a", "b"])
        }
        #expect(lastEventIDs(server) == [nil, "e-1"])
    }

    @Test func `polls go on with the tag, by way of empty answers and other connections`() throws {
        let server = ScriptedServer()
        let body = #"{"messages":[{"id":"e-8","data":"a"}]}"#
        let scripts = [
            poll + "ETag: \"e-5\"\r\n\r\n", poll + "ETag: \"e-7\"\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
                + "ETag: \"e-9\"\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)",
        ]
        try server.run(scripts) {
            let subscriber = try subscriber(server, .longPoll)
            #expect(try follow(subscriber, count: 1) == ["a"])
            #expect(subscriber.position == Array("e-9".utf8))
        }
        #expect(lastEventIDs(server) == [nil, "e-5", "e-7"])
        // Only the first asks where "now" is.
        #expect(server.requests.map { $0.contains("?timeout=0 ") } == [true, false, false])
    }

    @Test func `204 ends an event stream without an error`() throws {
        let server = ScriptedServer()
        try server.run([stream + "id: e-1\ndata: a\n\n", "HTTP/1.1 204 No Content\r\n\r\n"]) {
            let end = try subscriber(server).run(until: testDeadline()) { _ in true }
            #expect(end == .endedByServer)
        }
    }

    /// A peer that takes connections, by its backlog, and never says a word.
    private func withSilence(
        _ scheme: String = "http", _ limits: ClientLimits = ClientLimits(),
        _ body: (Subscriber) throws -> Void
    ) throws {
        let listener = TestListener()
        defer { close(listener.descriptor) }
        let url = try ServerURL("\(scheme)://127.0.0.1:\(listener.port)/channels/a")
        try body(
            Subscriber(url, transport: Transport(url), trust: .insecure, limits: limits))
    }

    @Test func `a deadline ends it while nothing comes`() throws {
        try withSilence { subscriber in
            let end = try subscriber.run(until: monotonicMilliseconds() + 20) { _ in true }
            #expect(end == .timedOut)
        }
    }

    @Test func `a server that is silent for too long counts as gone`() throws {
        var limits = ClientLimits()
        limits.silenceMillisecondsMax = 20
        try withSilence("ws", limits) { subscriber in
            let what = "a sign of life of the server"
            #expect(throws: ClientError.overdue(what: what, milliseconds: 20)) {
                try subscriber.run(until: testDeadline()) { _ in true }
            }
        }
    }

    @Test func `a TLS handshake has its time`() throws {
        var limits = ClientLimits()
        limits.connectMillisecondsMax = 20
        try withSilence("https", limits) { subscriber in
            #expect(throws: ClientError.overdue(what: "the TLS handshake", milliseconds: 20)) {
                try subscriber.run(until: testDeadline()) { _ in true }
            }
        }
    }

    @Test func `where nobody listens is told with the address`() throws {
        let listener = TestListener()
        // Bound, and no longer listening.
        shutdownListener(listener)
        let url = try ServerURL("http://127.0.0.1:\(listener.port)/channels/a")
        let subscriber = try Subscriber(url, transport: .stream)
        #expect {
            try subscriber.run(until: testDeadline()) { _ in true }
        } throws: { error in
            "\(error)" == "cannot connect to 127.0.0.1:\(listener.port): Connection refused"
        }
    }
}
