import Testing

@testable import Loops

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("8080", ListenAddress.tcp(host: "", port: 8080), "*:8080"),
        (":8080", .tcp(host: "", port: 8080), "*:8080"),
        ("0", .tcp(host: "", port: 0), "*:0"),
        ("65535", .tcp(host: "", port: 65535), "*:65535"),
        ("127.0.0.1:80", .tcp(host: "127.0.0.1", port: 80), "127.0.0.1:80"),
        ("localhost:443", .tcp(host: "localhost", port: 443), "localhost:443"),
        ("my_host-1.example:1", .tcp(host: "my_host-1.example", port: 1), "my_host-1.example:1"),
        ("[::1]:80", .tcp(host: "::1", port: 80), "[::1]:80"),
        ("[::]:0", .tcp(host: "::", port: 0), "[::]:0"),
        ("[::ffff:1.2.3.4]:9", .tcp(host: "::ffff:1.2.3.4", port: 9), "[::ffff:1.2.3.4]:9"),
        ("[fe80::1%eth0]:80", .tcp(host: "fe80::1%eth0", port: 80), "[fe80::1%eth0]:80"),
        ("unix:/run/x.sock", .unix(path: "/run/x.sock"), "unix:/run/x.sock"),
        ("unix:a:1", .unix(path: "a:1"), "unix:a:1"),
    ])
    func `an address means what it says`(text: String, address: ListenAddress, shown: String) throws
    {
        let parsed = try ListenAddress.parse(text)
        #expect(parsed == address)
        #expect("\(parsed)" == shown)
    }

    @Test(arguments: [
        ("", ListenAddressError.empty),
        ("localhost", .portMissing), ("localhost:", .portMissing), (":", .portMissing),
        ("[::1]", .portMissing), ("[::1]80", .portMissing), ("[::1]:", .portMissing),
        ("65536", .portInvalid), ("000080", .portInvalid), ("a:80b", .portInvalid),
        ("a:-1", .portInvalid), ("a:+1", .portInvalid), ("[::1]:65536", .portInvalid),
        ("a:\u{0661}", .portInvalid),
        ("::1:80", .bracketsMissing), ("::1", .bracketsMissing),
        ("[::1:80", .bracketUnclosed), ("[", .bracketUnclosed),
        ("[]:80", .hostInvalid), ("[localhost]:80", .hostInvalid), ("[::1 ]:80", .hostInvalid),
        ("a b:80", .hostInvalid), ("http//x:80", .hostInvalid), ("a\u{0}:80", .hostInvalid),
        ("unix:", .pathMissing), ("unix:/a\u{0}b", .pathInvalid),
    ])
    func `what is no address is refused by name`(text: String, error: ListenAddressError) {
        #expect(throws: error) { try ListenAddress.parse(text) }
    }

    @Test func `a host of 253 bytes is accepted, one of 254 refused`() throws {
        let longest = String(repeating: "a", count: 253)
        #expect(try ListenAddress.parse("\(longest):1") == .tcp(host: longest, port: 1))
        #expect(throws: ListenAddressError.hostInvalid) {
            try ListenAddress.parse("\(longest)a:1")
        }
    }
}
