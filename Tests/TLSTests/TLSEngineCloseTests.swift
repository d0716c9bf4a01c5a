import Testing

@testable import TLS

@Suite struct TLSEngineCloseTests {
    @Test(arguments: TLSVersion.allCases)
    func `the client's close_notify closes, and is answered`(version: TLSVersion) throws {
        let pair = try Shared.pair(version)
        pair.client.startClose()
        pair.deliver(from: pair.client, to: pair.server)
        #expect(pair.server.outcome == .closed)
        pair.server.startClose()
        #expect(!pair.server.sending.isEmpty)
        pair.deliver(from: pair.server, to: pair.client)
        #expect(pair.client.outcome == .closed)
    }

    @Test(arguments: TLSVersion.allCases)
    func `the server's close_notify closes, and is answered`(version: TLSVersion) throws {
        let pair = try Shared.pair(version)
        pair.server.startClose()
        pair.deliver(from: pair.server, to: pair.client)
        #expect(pair.client.outcome == .closed)
        pair.client.startClose()
        pair.deliver(from: pair.client, to: pair.server)
        #expect(pair.server.outcome == .closed)
    }

    @Test(arguments: TLSVersion.allCases)
    func `both may close at once`(version: TLSVersion) throws {
        let pair = try Shared.pair(version)
        pair.server.startClose()
        pair.client.startClose()
        pair.exchange()
        #expect(pair.client.outcome == .closed)
        #expect(pair.server.outcome == .closed)
    }

    @Test(arguments: TLSVersion.allCases)
    func `what was sent before close_notify arrives, what follows it is ignored`(
        version: TLSVersion
    ) throws {
        let pair = try Shared.pair(version)
        pair.client.send([1, 2, 3])
        pair.client.startClose()
        pair.server.receive(pair.client.takeSending() + [0xff, 0xff, 0xff])
        #expect(pair.server.outcome == .closed)
        #expect(pair.server.takePlaintext() == [1, 2, 3])
        pair.server.receive([0xff])
        #expect(pair.server.outcome == .closed)
    }

    @Test(arguments: TLSVersion.allCases)
    func `who has received close_notify may still send`(version: TLSVersion) throws {
        let pair = try Shared.pair(version)
        pair.client.startClose()
        pair.deliver(from: pair.client, to: pair.server)
        pair.server.send([7, 8, 9])
        pair.deliver(from: pair.server, to: pair.client)
        #expect(pair.client.isOpen)
        #expect(pair.client.takePlaintext() == [7, 8, 9])
    }

    @Test func `closing twice writes once`() throws {
        let pair = try Shared.pair(.tls13)
        pair.server.startClose()
        let once = pair.server.sending
        pair.server.startClose()
        #expect(pair.server.sending == once)
    }

    @Test func `closing before the handshake is done writes nothing`() throws {
        let pair = try Pair(server: Shared.server, client: Shared.client)
        pair.server.startClose()
        #expect(pair.server.sending.isEmpty)
        pair.exchange()
        #expect(pair.server.isOpen)
    }

    @Test func `nothing can be sent after close_notify`() async {
        await #expect(processExitsWith: .failure) {
            let pair = try Shared.pair(.tls13)
            pair.server.startClose()
            pair.server.send([1])
        }
    }
}
