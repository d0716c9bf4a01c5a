import Gateway
import Testing

/// Starting and stopping. What a running server does is tested by `ClientTests`, in process, and by
/// real clients in `Tests/Clients`.
@Suite struct ServerTests {
    private func settings(listen: [String] = ["127.0.0.1:0"]) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.listen = listen
        configuration.loops = 2
        return configuration
    }

    /// The sentence with which a server with this configuration refuses to start.
    private func refusal(_ configuration: ServerConfiguration) -> String? {
        let server = Server(configuration)
        do {
            try server.start()
        } catch {
            return error.description
        }
        server.stop()
        server.wait()
        return nil
    }

    @Test func `a server starts on a port of the kernel's choice, says which, and ends`() throws {
        let server = Server(settings())
        try server.start()
        #expect(server.loopCount == 2)
        #expect(server.addresses.count == 1)
        #expect(server.addresses[0].hasPrefix("http://127.0.0.1:"))
        #expect(!server.addresses[0].hasSuffix(":0"))
        server.stop()
        server.wait()
    }

    @Test func `a server with a certificate made on the spot says its fingerprint`() throws {
        var configuration = settings(listen: [])
        configuration.listenTLS = ["127.0.0.1:0"]
        configuration.certificate = .selfSigned
        let server = Server(configuration)
        try server.start()
        defer {
            server.stop()
            server.wait()
        }
        #expect(server.addresses[0].hasPrefix("https://127.0.0.1:"))
        let fingerprint = try #require(server.certificateFingerprint)
        #expect(fingerprint.split(separator: ":").count == 32)
    }

    @Test func `nothing to listen on is refused`() {
        #expect(refusal(settings(listen: []))?.contains("nowhere to listen") == true)
    }

    @Test(arguments: ["127.0.0.1", "127.0.0.1:70000", "[::1:80", "unix:"])
    func `an address that does not parse is refused by its text`(address: String) {
        #expect(refusal(settings(listen: [address]))?.contains(address) == true)
    }

    @Test func `a port that another server has is refused`() throws {
        let first = Server(settings())
        try first.start()
        defer {
            first.stop()
            first.wait()
        }
        let address = String(first.addresses[0].dropFirst("http://".count))
        #expect(refusal(settings(listen: [address]))?.contains(address) == true)
    }

    @Test func `TLS without a certificate is refused, and so are files that are not there`() {
        var configuration = settings()
        configuration.listenTLS = ["127.0.0.1:0"]
        #expect(refusal(configuration)?.contains("certificate") == true)
        configuration.certificate = .files(
            certificate: "/nowhere/chain.pem", key: "/nowhere/key.pem")
        #expect(refusal(configuration)?.contains("/nowhere/chain.pem") == true)
    }

    @Test(arguments: [(0, false), (1, true), (256, true), (257, false)])
    func `1 to 256 loops are possible`(loops: Int, isPossible: Bool) {
        var configuration = settings()
        configuration.loops = loops
        #expect((refusal(configuration) == nil) == isPossible)
    }

    @Test(arguments: [(0, false), (1, true), (1 << 30, true), (1 << 30 + 1, false)])
    func `a message's limit is 1 byte to 1 GiB`(limit: Int, isPossible: Bool) {
        var configuration = settings()
        configuration.messageBytesMax = limit
        #expect((refusal(configuration) == nil) == isPossible)
    }
}
