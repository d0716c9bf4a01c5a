import Testing

@testable import Gateway

@Suite struct HandoverMessageTests {
    static let all: [HandoverMessage] = [
        .hello(version: 1), .hello(version: 4096), .end(count: 0), .end(count: 4096), .serving,
        .draining, .socket(isTLS: true, ownsFile: false, asked: "[::1]:8443"),
        .socket(isTLS: false, ownsFile: true, asked: "unix:/run/a path with spaces"),
    ]

    @Test(arguments: all)
    func `a message is read as it was written`(_ message: HandoverMessage) {
        #expect(HandoverMessage(message.bytes) == message)
    }

    @Test(arguments: [
        "", " ", "hello", "carillon-handover", "carillon-handover ", "carillon-handover x",
        "carillon-handover -1", "carillon-handover 1 ", "carillon-handover 4097",
        "carillon-handover 99999999999999999999", "carillon-handover +1", "end", "end ", "end 1 2",
        "serving ", " serving", "Serving", "draining\n", "socket", "socket plain ours",
        "socket plain ours ", "socket other ours a", "socket plain mine a", "socket  ours a",
    ])
    func `what is no message is none`(_ text: String) {
        #expect(HandoverMessage(Array(text.utf8)) == nil)
    }

    @Test func `no cut of a message is another one, but for a shorter number or address`() {
        for message in Self.all {
            for end in message.bytes.indices {
                guard let found = HandoverMessage(Array(message.bytes[..<end])) else { continue }
                switch (message, found) {
                case (.hello, .hello), (.end, .end), (.socket, .socket): break
                default: Issue.record("\(message) cut at \(end) is \(found)")
                }
            }
        }
    }

    @Test func `bytes that are not UTF-8 are no message`() {
        #expect(HandoverMessage(Array("socket plain ours ".utf8) + [0xFF]) == nil)
    }
}
