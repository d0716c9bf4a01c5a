@testable import Gateway
import Testing

@Suite struct MemorySharesTests {
    private func shares(
        _ ceiling: Int?, _ asked: MemoryShares.Asked = .init(), message: Int = 1 << 20,
        loops: Int = 2
    ) throws -> MemoryShares {
        try MemoryShares(
            ceiling: ceiling, asked: asked, messageBytesMax: message, loops: loops)
    }

    @Test func `of eight parts history has four, backlogs two, input and the ring one each`() throws
    {
        let shares = try shares(1 << 30)
        #expect(shares.history == 512 << 20)
        #expect(shares.backlog == 256 << 20)
        #expect(shares.inbound == 128 << 20)
        #expect(shares.ring == 128 << 20)
    }

    @Test func `what was asked for is taken off first, and the rest divided likewise`() throws {
        let shares = try shares(1000 << 20, .init(history: 600 << 20))
        #expect(
            shares
                == MemoryShares(
                    history: 600 << 20, backlog: 200 << 20, inbound: 100 << 20, ring: 100 << 20))
    }

    @Test func `all parts together are never more than the ceiling`() throws {
        for ceiling in [100_000_003, 123_456_789, 1 << 33] {
            for asked in [
                MemoryShares.Asked(), .init(backlog: 12_345_679), .init(inbound: 50_000_001),
            ] {
                let shares = try shares(ceiling, asked, message: 1_000)
                let sum = shares.history + shares.backlog + shares.inbound + shares.ring
                #expect(sum <= ceiling && sum > ceiling - 8)
            }
        }
    }

    @Test func `without a ceiling each part has a size of its own, or the one asked for`() throws {
        #expect(
            try shares(nil)
                == MemoryShares(
                    history: 256 << 20, backlog: 256 << 20, inbound: 128 << 20, ring: 256 << 20))
        #expect(try shares(nil, .init(inbound: 5 << 20)).inbound == 5 << 20)
    }

    @Test func `the defaults make room for the largest messages on every loop`() throws {
        let shares = try shares(nil, message: 1 << 30, loops: 4)
        #expect(shares.ring > 1 << 30)
        #expect(shares.inbound / 4 > 1 << 30)
    }

    @Test func `parts that fill the ceiling start, a byte more is refused by name`() throws {
        let asked = MemoryShares.Asked(
            history: 40 << 20, backlog: 20 << 20, inbound: 10 << 20, ring: 10 << 20)
        #expect(try shares(80 << 20, asked).ring == 10 << 20)
        for ceiling in [(80 << 20) - 1, 0, -1] {
            #expect {
                _ = try shares(ceiling, asked)
            } throws: {
                "\($0)".contains("--memory-max")
            }
        }
        #expect(throws: ServerError.self) { try shares(1 << 30, .init(history: -1)) }
        #expect(throws: ServerError.self) { try shares(nil, .init(backlog: -1)) }
        #expect(throws: ServerError.self) {
            try shares(1 << 40, .init(history: .max, backlog: .max))
        }
    }

    @Test func `a ceiling with room for the largest message on every loop starts, less does not`()
        throws
    {
        let message = (1 << 20) + (64 << 10)
        #expect(try shares(8 * 2 * message).inbound == 2 * message)
        #expect(throws: ServerError.self) { try shares(8 * 2 * message - 8) }
        #expect(throws: ServerError.self) { try shares(nil, .init(ring: message - 1)) }
        #expect(try shares(nil, .init(ring: message)).ring == message)
    }
}

@Suite struct ByteSizeTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("65536", 65_536), ("64K", 65_536), ("64k", 65_536), ("3M", 3 << 20),
        ("2g", 2 << 30), ("9223372036854775807", Int.max), ("8589934591G", 8_589_934_591 << 30),
    ])
    func `digits and a unit are a size`(_ text: String, _ bytes: Int) {
        #expect(ByteSize(text)?.bytes == bytes)
    }

    @Test(arguments: [
        "", "K", "-1", "+1", "1.5M", "1 M", "1MB", "1T", "M1", "0x10", "9223372036854775808",
        "8589934592G", "١",
    ])
    func `anything else is none`(_ text: String) {
        #expect(ByteSize(text) == nil)
    }

    @Test(arguments: [(0, "0"), (1023, "1023"), (1024, "1K"), (3 << 20, "3M"), (1 << 40, "1024G")])
    func `it is written with the largest unit that fits`(_ bytes: Int, _ text: String) {
        #expect("\(ByteSize(bytes: bytes))" == text)
        #expect(ByteSize(text)?.bytes == bytes)
    }
}
