// Reading input and writing output, through pipes.

import Glibc
import Testing

@testable import Client

@Suite struct StandardStreamsTests {
    /// A descriptor from which `text` can be read; up to what a pipe holds.
    private func pipe(_ text: String) -> Int32 {
        var ends: [Int32] = [0, 0]
        precondition(Glibc.pipe(&ends) == 0)
        precondition(writeAll(ends[1], Array(text.utf8)))
        close(ends[1])
        return ends[0]
    }

    @Test func `all is read, up to the limit and not beyond`() throws {
        let input = pipe("abc")
        defer { close(input) }
        #expect(try readAll(input, bytesMax: 3) == Array("abc".utf8))
        let more = pipe("abcd")
        defer { close(more) }
        #expect(throws: ClientError.inputTooLarge(limit: 3)) { try readAll(more, bytesMax: 3) }
    }

    @Test(arguments: [
        ("", []), ("a", ["a"]), ("a\nb\r\n\nc", ["a", "b", "c"]), ("\n\r\n", []),
        ("abc\nx", ["abc", "x"]),
    ])
    func `input is given line by line`(_ text: String, _ lines: [String]) throws {
        let input = pipe(text)
        defer { close(input) }
        var found: [String] = []
        try readLines(input, lineBytesMax: 3) { (line) throws(ClientError) in
            found.append(String(decoding: line, as: UTF8.self))
        }
        #expect(found == lines)
    }

    @Test func `a line too long is refused, after those before it`() {
        let input = pipe("abc\nabcd\n")
        defer { close(input) }
        var found = 0
        #expect(throws: ClientError.inputTooLarge(limit: 3)) {
            try readLines(input, lineBytesMax: 3) { (_) throws(ClientError) in found += 1 }
        }
        #expect(found == 1)
    }

    @Test func `a descriptor that cannot be used is told`() {
        #expect(throws: ClientError.self) { try readAll(-1, bytesMax: 1) }
        #expect(!writeAll(-1, [1]))
    }
}
