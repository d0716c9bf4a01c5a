// What a publisher does when things go wrong, against servers that do them wrong.

@testable import Client
import Testing

@Suite struct PublisherTests {
    private let good = """
        HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{"id":"e-7"}\r\n
        """
    private func busy(_ fields: String = "") -> String {
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\(fields)\r\n"
    }

    private func publisher(
        _ server: ScriptedServer, _ options: PublishOptions = PublishOptions()
    ) throws -> Publisher {
        try Publisher(
            try ServerURL(server.address + "/channels/a"), options: options,
            backoff: Backoff(firstMilliseconds: 0))
    }

    private func keys(_ server: ScriptedServer) -> [String] {
        server.requests.map { head in
            head.split(separator: "\r\n").first { $0.hasPrefix("Idempotency-Key: ") }
                .map(String.init) ?? ""
        }
    }

    @Test func `what may pass is tried again with the same key`() throws {
        let server = ScriptedServer()
        try server.run([busy("Retry-After: 0\r\n"), "", busy(), good]) {
            let id = try publisher(server).id([0x61])
            #expect(id == "e-7")
        }
        let keys = keys(server)
        #expect(keys.count == 4 && Set(keys).count == 1)
        #expect(keys[0].count > 30)
    }

    @Test func `each message has a key of its own`() throws {
        let server = ScriptedServer()
        try server.run([good, good]) {
            let publisher = try publisher(server)
            for _ in 0..<2 { _ = try publisher.publish([0x61]) }
        }
        #expect(Set(keys(server)).count == 2)
    }

    @Test func `after five attempts it gives up`() throws {
        let server = ScriptedServer()
        try server.run(Array(repeating: busy(), count: 5)) {
            #expect(throws: ClientError.refused(status: 503, detail: "", retryAfterSeconds: nil)) {
                try publisher(server).publish([0x61])
            }
        }
        #expect(server.requests.count == 5)
    }

    @Test(arguments: [400, 401, 413, 422, 507])
    func `what will not pass is not tried again`(_ status: Int) throws {
        let server = ScriptedServer()
        try server.run(["HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n"]) {
            #expect(
                throws: ClientError.refused(status: status, detail: "", retryAfterSeconds: nil)
            ) { try publisher(server).publish([0x61]) }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a server that is not there is not tried again`() throws {
        let listener = TestListener()
        shutdownListener(listener)
        let url = try ServerURL("http://127.0.0.1:\(listener.port)/channels/a")
        // Attempts without end would not come to one.
        var limits = ClientLimits()
        limits.publishAttemptsMax = .max
        let publisher = try Publisher(url, limits: limits)
        #expect(throws: ClientError.self) { try publisher.publish([0x61]) }
    }

    @Test func `what is asked for is sent, the key as a string of structured fields`() throws {
        let server = ScriptedServer()
        var options = PublishOptions()
        options.timeToLiveSeconds = 60
        options.version = .max
        options.exclude = "name"
        options.idempotencyKey = #"a "b" \c"#
        try server.run([good]) { _ = try publisher(server, options).publish([0x61]) }
        let head = server.requests[0]
        for field in [
            "Carillon-TTL: 60\r\n", "Carillon-Version: 18446744073709551615\r\n",
            "Carillon-Exclude: name\r\n", #"Idempotency-Key: "a \"b\" \\c""# + "\r\n",
        ] {
            #expect(head.contains(field))
        }
    }

    @Test func `a gateway does all of it`() throws {
        try withGateway { addresses in
            let url = try ServerURL(addresses[0] + "/channels/a")
            var options = PublishOptions()
            options.idempotencyKey = #"a "b" \c"#
            options.version = 5
            let id = try Publisher(url, options: options).id([0x61])
            let again = try Publisher(url, options: options).id([0x61])
            #expect(again == id)
            options.idempotencyKey = nil
            let result = try Publisher(url, options: options).publish([0x61])
            #expect(result == .skipped(version: 5))
        }
    }
}
