// The client against the gateway, in one process.

import Gateway
import Glibc
import TLS
import Testing

@testable import Client

@Suite(.serialized) struct GatewayEndToEndTests {
    @Test(arguments: Transport.allCases)
    func `what was published is followed from the first message on`(_ transport: Transport) throws {
        try withGateway { addresses in
            let url = try channelURL(addresses[0], transport)
            let publisher = try Publisher(url)
            var ids: [String] = []
            for text in ["one", "zwei ü", "drei\n"] {
                ids.append(try publisher.id(Array(text.utf8)))
            }
            let subscriber = try Subscriber(url, transport: transport, after: "first")
            #expect(try follow(subscriber, count: 3) == ["one", "zwei ü", "drei\n"])
            #expect(subscriber.position == Array(ids[2].utf8))

            let later = try Subscriber(url, transport: transport, after: ids[0])
            #expect(try follow(later, count: 2) == ["zwei ü", "drei\n"])
        }
    }

    @Test(arguments: Transport.allCases)
    func `event, JSON and binary arrive as they were published`(_ transport: Transport) throws {
        try withGateway { addresses in
            let url = try channelURL(addresses[0], transport)
            _ = try Publisher(url, kind: .json, options: PublishOptions(event: "e &=é"))
                .publish(Array(#"{"a": [1]}"#.utf8))
            _ = try Publisher(url, kind: .binary).publish([0, 0xFF, 0x0A])
            let subscriber = try Subscriber(url, transport: transport, after: "first")
            var found: [ReceivedMessage] = []
            _ = try subscriber.run(until: testDeadline()) { batch in
                for case .message(let message) in batch { found.append(message) }
                return found.count < 2
            }
            #expect(found.map(\.payload) == [Array(#"{"a": [1]}"#.utf8), [0, 0xFF, 0x0A]])
            #expect(found.map(\.event) == [Array("e &=é".utf8), nil])
        }
    }

    @Test(arguments: Transport.allCases)
    func `what is published while following arrives`(_ transport: Transport) throws {
        try withGateway { addresses in
            let url = try channelURL(addresses[0], transport)
            let publisher = try Publisher(url)
            _ = try publisher.publish(Array("first".utf8))
            let subscriber = try Subscriber(url, transport: transport, after: "first")
            var found: [String] = []
            _ = try subscriber.run(until: testDeadline()) { batch in
                found += texts(batch)
                if found.count < 10 {
                    _ = try? publisher.publish(Array("after \(found.count)".utf8))
                }
                return found.count < 10
            }
            #expect(found == ["first"] + (1..<10).map { "after \($0)" })
        }
    }

    @Test(arguments: Transport.allCases)
    func `a connection that is cut between two messages costs none`(_ transport: Transport) throws {
        try withGateway { addresses in
            let gateway = addresses[0]
            let publisher = try Publisher(try channelURL(gateway, transport))
            _ = try publisher.publish(Array("before".utf8))
            let relay = CuttingRelay()
            let between: @Sendable () -> Void = { publishText("between", gateway) }
            try relay.run(to: gateway, cutAfter: "before", between: between) {
                let subscriber = try Subscriber(
                    channelURL(relay.address, transport), transport: transport, after: "first",
                    backoff: Backoff(firstMilliseconds: 0))
                #expect(try follow(subscriber, count: 2) == ["before", "between"])
            }
        }
    }

    @Test(arguments: [
        (Transport.webSocket, "\"ok\":1"), (.serverSentEvents, "id: "),
        (.stream, "Carillon-Position"), (.longPoll, "ETag"),
    ])
    func `a connection that is cut before the first message costs none`(
        _ transport: Transport, _ marker: String
    ) throws {
        try withGateway { addresses in
            let gateway = addresses[0]
            publishText("not wanted", gateway)
            let relay = CuttingRelay()
            let between: @Sendable () -> Void = { publishText("between", gateway) }
            try relay.run(to: gateway, cutAfter: marker, between: between) {
                let subscriber = try Subscriber(
                    channelURL(relay.address, transport), transport: transport,
                    backoff: Backoff(firstMilliseconds: 0))
                #expect(try follow(subscriber, count: 1) == ["between"])
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func `an id of another life of the log is answered with a gap`(_ transport: Transport) throws {
        try withGateway { addresses in
            publishText("kept", addresses[0])
            let subscriber = try Subscriber(
                channelURL(addresses[0], transport), transport: transport, after: "other-5")
            #expect(try follow(subscriber, count: 2) == ["<gap>", "kept"])
        }
    }

    @Test func `ids rise over one connection that is kept`() throws {
        try withGateway { addresses in
            let publisher = try Publisher(try ServerURL(addresses[0] + "/channels/a"))
            let sequences = try (0..<20).map { number in
                let id = try publisher.id(Array("\(number)".utf8))
                return Int(id.split(separator: "-").last!)!
            }
            #expect(sequences == Array(sequences[0]..<(sequences[0] + 20)))
        }
    }

    @Test func `a key opens what is closed without, and a wrong one does not`() throws {
        try withGateway({
            $0.anonymousPublish = false
            $0.anonymousRead = false
            $0.apiKeys = ["right"]
        }) { addresses in
            let url = try ServerURL(addresses[0] + "/channels/a")
            func publish(_ key: String?) throws -> String {
                try Publisher(url, key: key).id([0x61])
            }
            func refusal(_ detail: String) -> ClientError {
                .refused(status: 401, detail: detail, retryAfterSeconds: nil)
            }
            #expect(
                throws: refusal("publishing needs an API key: Authorization: Bearer KEY")
            ) { try publish(nil) }
            #expect(throws: refusal("the key is not known")) { try publish("wrong") }
            _ = try publish("right")
            for transport in Transport.allCases {
                let followed = try channelURL(addresses[0], transport)
                let subscriber = try Subscriber(
                    followed, transport: transport, key: "right", after: "first")
                #expect(try follow(subscriber, count: 1) == ["a"])
                #expect(throws: refusal("the key is not known")) {
                    try follow(
                        try Subscriber(followed, transport: transport, key: "wrong"), count: 1)
                }
            }
        }
    }

    @Test func `a message too large is refused with the limit`() throws {
        try withGateway({ $0.messageBytesMax = 1000 }) { addresses in
            let publisher = try Publisher(try ServerURL(addresses[0] + "/channels/a"))
            _ = try publisher.publish([UInt8](repeating: 0x61, count: 1000))
            #expect {
                try publisher.publish([UInt8](repeating: 0x61, count: 1001))
            } throws: { error in
                guard case .refused(413, let detail, _)? = error as? ClientError else {
                    return false
                }
                return detail.contains("1000")
            }
            // The connection that the server closed is not used again.
            _ = try publisher.publish([0x61])
        }
    }

    @Test func `a Unix socket is as good as a port`() throws {
        let path = "/tmp/carillon-client-\(getpid()).sock"
        try withGateway({ $0.listen = ["unix:\(path)"] }) { addresses in
            #expect(addresses == ["http+unix:\(path)"])
            let url = try ServerURL("http+unix:\(path):/channels/a")
            _ = try Publisher(url).publish([0x61])
            let subscriber = try Subscriber(url, transport: .webSocket, after: "first")
            #expect(try follow(subscriber, count: 1) == ["a"])
        }
    }

    // MARK: TLS

    @Test(arguments: Transport.allCases)
    func `a certificate that nobody vouches for is refused, unless asked not to`(
        _ transport: Transport
    ) throws {
        try withGateway({
            $0.listen = []
            $0.listenTLS = ["127.0.0.1:0"]
            $0.certificate = .selfSigned
        }) { addresses in
            let secure = "https" + addresses[0].dropFirst(5)
            #expect(secure == addresses[0])
            let text = transport == .webSocket ? "wss" + secure.dropFirst(5) : secure
            let url = try ServerURL(text + "/channels/a")
            #expect {
                try Publisher(url).publish([0x61])
            } throws: { isVerificationFailure($0) }
            #expect {
                try follow(try Subscriber(url, transport: transport), count: 1)
            } throws: { isVerificationFailure($0) }

            let publisher = try Publisher(url, trust: .insecure)
            for text in ["a", "b"] { _ = try publisher.publish(Array(text.utf8)) }
            let subscriber = try Subscriber(
                url, transport: transport, after: "first", trust: .insecure)
            #expect(try follow(subscriber, count: 2) == ["a", "b"])
        }
    }

    @Test func `an authority that is named vouches for its hosts, and for no other`() throws {
        let identity = try TLSIdentity.make(hosts: ["localhost"])
        let certificate = "/tmp/carillon-client-\(getpid()).crt"
        let key = "/tmp/carillon-client-\(getpid()).key"
        defer {
            unlink(certificate)
            unlink(key)
        }
        write(try identity.certificatePEM(), to: certificate)
        write(try identity.keyPEM(), to: key)
        try withGateway({
            $0.listen = []
            $0.listenTLS = ["127.0.0.1:0"]
            $0.certificate = .files(certificate: certificate, key: key)
        }) { addresses in
            let port = addresses[0].split(separator: ":").last!
            let named = try ServerURL("https://localhost:\(port)/channels/a")
            // Also shows that the next address is tried where localhost is ::1 first.
            _ = try Publisher(named, trust: .file(certificate)).publish([0x61])
            let numeric = try ServerURL("https://127.0.0.1:\(port)/channels/a")
            #expect {
                try Publisher(numeric, trust: .file(certificate)).publish([0x61])
            } throws: { isVerificationFailure($0) }
        }
    }

    @Test func `TLS to a plain port, and plain to a TLS port, end with an error`() throws {
        try withGateway({
            $0.listenTLS = ["127.0.0.1:0"]
            $0.certificate = .selfSigned
        }) { addresses in
            let plain = "https" + addresses[0].dropFirst(4) + "/channels/a"
            #expect(throws: ClientError.self) {
                try Publisher(try ServerURL(plain), trust: .insecure).publish([0x61])
            }
            let secure = "http" + addresses[1].dropFirst(5) + "/channels/a"
            #expect(throws: ClientError.self) {
                try Publisher(try ServerURL(secure)).publish([0x61])
            }
        }
    }
}

private func isVerificationFailure(_ error: any Error) -> Bool {
    guard case .tls(.verificationFailed)? = error as? ClientError else { return false }
    return true
}

private func publishText(_ text: String, _ address: String) {
    do {
        _ = try Publisher(try ServerURL(address + "/channels/a")).publish(Array(text.utf8))
    } catch {
        Issue.record("\(error)")
    }
}

private func write(_ bytes: [UInt8], to path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0 && writeAll(descriptor, bytes))
    close(descriptor)
}
