import Glibc
import Testing

@testable import Loops

@Suite struct LoopErrorTests {
    @Test(arguments: [
        (Int32(0), "no error"), (-EADDRINUSE, "address already in use (EADDRINUSE)"),
        (-4095, "end of file (EOF)"),
    ])
    func `a code is described in words and by name`(code: Int32, words: String) {
        #expect(describe(code: code) == words)
    }

    @Test func `an unknown code is described too`() {
        #expect(describe(code: -12345).contains("-12345"))
    }

    @Test func `an error says what failed, where and why`() {
        let error = LoopError.bindRefused(address: "127.0.0.1:80", code: -EACCES)
        #expect("\(error)" == "cannot bind 127.0.0.1:80: permission denied (EACCES)")
    }
}
