// What a person reads, and what another attempt would mend.

import Testing
import Wire
import TLS

@testable import Client

@Suite struct ClientErrorTests {
    @Test func `control characters of the server do not reach the terminal`() {
        let error = ClientError.refused(
            status: 500, detail: "a\u{1B}[31mb\nc\u{9B}d", retryAfterSeconds: nil)
        #expect("\(error)" == "the server answered 500: a [31mb c d")
        #expect(printable("é\u{7F}") == "é ")
    }

    @Test(
        arguments: [
            (.closedByServer, true), (.broken(reason: ""), true),
            (.unreachable(place: "", reason: ""), true),
            (.refused(status: 503, detail: "", retryAfterSeconds: 1), true),
            (.refused(status: 429, detail: "", retryAfterSeconds: nil), true),
            (.refused(status: 401, detail: "", retryAfterSeconds: nil), false),
            (.refused(status: 404, detail: "", retryAfterSeconds: nil), false),
            (.tls(.verificationFailed(reason: "")), false),
            (.tls(.handshakeFailed(reason: "")), true),
            (.webSocketClosed(code: 1012, reason: ""), true),
            (.webSocketClosed(code: 1013, reason: ""), true),
            (.webSocketClosed(code: nil, reason: ""), true),
            (.webSocketClosed(code: 1008, reason: ""), false),
            (.webSocketClosed(code: 4401, reason: ""), false),
            (.unreadable(""), false), (.http(.bareLineFeed), false),
        ] as [(ClientError, Bool)])
    func `only what may pass is tried again`(_ error: ClientError, _ mayPass: Bool) {
        #expect(error.mayPass == mayPass)
    }

    @Test(arguments: [(0, "0"), (49, "0"), (50, "0.1"), (1000, "1"), (1950, "2"), (12_345, "12.3")])
    func `milliseconds are shown in seconds`(_ milliseconds: Int, _ text: String) {
        #expect(seconds(UInt64(milliseconds)) == text)
    }
}
