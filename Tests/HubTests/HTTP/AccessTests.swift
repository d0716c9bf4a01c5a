// Keys, anonymous rights, origins.

@testable import Hub
import Testing
import Wire

@Suite struct AccessTests {
    static let anonymous: [(read: Bool, publish: Bool)] = [
        (false, false), (true, false), (false, true), (true, true),
    ]

    @Test(arguments: anonymous)
    func `without a key everyone may do what the settings say`(_ read: Bool, _ publish: Bool) {
        let world = World {
            $0.access.anonymousRead = read
            $0.access.anonymousPublish = publish
        }
        func status(_ input: String) -> Int? {
            let client = world.connect()
            client.send(input)
            return client.answer(to: .post)?.status
        }
        #expect(status(request("/channels/a/messages")) == (read ? 200 : 401))
        #expect(
            status(request("/channels/a", fields: ["Accept: text/event-stream"]))
                == (read ? 200 : 401))
        #expect(status(upgrade("/channels/a")) == (read ? 101 : 401))
        #expect(
            status(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
                == (read ? 101 : 401))
        #expect(status(post("/channels/a", "x")) == (publish ? 200 : 401))
        #expect(status(post("/publish", "")) == (publish ? 200 : 401))
    }

    @Test(
        arguments: [
            ("Bearer secret", 200), ("bearer secret", 200), ("Bearer other", 401), ("Bearer ", 401),
            ("Bearer secret2", 401), ("Basic secret", 401), ("secret", 401), ("", 401),
        ])
    func `a key that is known may do everything, one that is not nothing`(
        _ authorization: String, _ status: Int
    ) {
        // Even where anyone may: a wrong credential never falls back to none.
        let world = World { $0.access.apiKeys = [Array("first".utf8), Array("secret".utf8)] }
        let client = world.connect()
        client.send(post("/channels/a", "x", ["Authorization: \(authorization)"]))
        let answer = client.answer(to: .post)
        #expect(answer?.status == status)
        if status == 401 { #expect(answer?.head.first("WWW-Authenticate") == "Bearer") }
    }

    @Test func `a body is refused before it is sent`() {
        let world = World { $0.access.anonymousPublish = false }
        let client = world.connect()
        client.send(
            request(
                "/channels/a", method: "POST", ["Content-Length: 1000000", "Expect: 100-continue"]))
        #expect(client.answer(to: .post)?.status == 401)
        #expect(client.isEnded)
    }

    static let origins: [(origin: String, allowed: Bool)] = [
        ("https://app.example", true), ("http://h", true), ("https://h", true),
        ("https://other.example", false), ("null", false),
        ("https://app.example.evil.example", false),
        ("http://h:81", false),
    ]

    @Test(arguments: origins)
    func `an origin is allowed when it is listed or our own`(_ origin: String, _ allowed: Bool) {
        let world = World { $0.access.allowedOrigins = ["https://app.example"] }
        let inputs = [
            upgrade("/channels/a", ["Origin: \(origin)"]),
            request("/channels/a/messages", fields: ["Origin: \(origin)"]),
            request("/channels/a", fields: ["Origin: \(origin)", "Accept: text/event-stream"]),
            request("/channels/a", method: "OPTIONS", ["Origin: \(origin)"]),
        ]
        for input in inputs {
            let client = world.connect()
            client.send(input)
            let answer = client.answer()
            #expect((answer?.status ?? 0 < 300) == allowed)
            if !allowed { #expect(answer?.status == 403) }
            let echoed = answer?.head.first("Access-Control-Allow-Origin")
            if answer?.status != 101 { #expect(echoed == (allowed ? origin : nil)) }
        }
    }

    @Test func `any origin may be allowed`() {
        let world = World { $0.access.anyOrigin = true }
        let client = world.connect()
        client.send(request("/nowhere", fields: ["Origin: null"]))
        #expect(client.answer()?.head.first("Access-Control-Allow-Origin") == "null")
    }

    @Test func `a preflight needs no key and says what may be asked`() throws {
        let world = World {
            $0.access.anonymousRead = false
            $0.access.anyOrigin = true
        }
        let client = world.connect()
        client.send(
            request(
                "/channels/a", method: "OPTIONS",
                ["Origin: https://x.example", "Access-Control-Request-Method: POST"]))
        let answer = try #require(client.answer())
        #expect(answer.status == 204)
        #expect(answer.head.first("Access-Control-Allow-Methods") == "GET, POST")
        for field in ["authorization", "last-event-id", "if-none-match", "content-type"] {
            let allowed = answer.head.first("Access-Control-Allow-Headers") ?? ""
            #expect(allowed.lowercased().contains(field))
        }
        #expect(!client.isEnded)
    }

    @Test func `a raw client that may not publish is closed with 1008 when it does`() {
        let world = World { $0.access.anonymousPublish = false }
        let subscriber = Subscriber(world, .raw, ["a"])
        subscriber.client.send(frame("x"))
        subscriber.collect()
        #expect(subscriber.closeCode == 1008)
    }
}
