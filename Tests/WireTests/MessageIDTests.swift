import Bytes
import Testing

@testable import Wire

private func epoch(_ text: String) -> Epoch? { Epoch(Array(text.utf8).span) }

private func messageID(_ text: String) -> MessageID? { MessageID(Array(text.utf8).span) }

@Suite struct MessageIDTests {
    static let accepted: [(String, String, UInt64)] = [
        ("a-0", "a", 0),
        ("k7Xq_-12", "k7Xq_", 12),
        ("a-b-c-7", "a-b-c", 7),
        ("a--7", "a-", 7),
        ("--7", "-", 7),
        ("1-1", "1", 1),
        ("E-18446744073709551615", "E", .max),
        (
            String(repeating: "e", count: 32) + "-18446744073709551615",
            String(repeating: "e", count: 32), .max
        ),
    ]

    @Test(arguments: accepted)
    func `an id is split at its last hyphen and written back the same`(
        text: String, epochText: String, sequence: UInt64
    ) throws {
        let id = try #require(messageID(text))
        #expect(id.epoch.description == epochText)
        #expect(id.sequence == sequence)
        #expect(id.description == text)
        let buffer = ByteBuffer()
        id.append(to: buffer)
        #expect(buffer.array() == Array(text.utf8))
    }

    static let refused: [String] = [
        "", "-", "a", "7", "a-", "-7", "a-07", "a-00", "a-+7", "a- 7", "a-7 ", " a-7", "a-7x",
        "a-18446744073709551616", "a-99999999999999999999", "a-000000000000000000001",
        "é-7", "a.b-7", "a b-7", "a\u{0}-7", "a-7\n", "a-٧", "first",
        String(repeating: "e", count: 33) + "-1",
        String(repeating: "e", count: 32) + "-018446744073709551615",
        String(repeating: "e", count: 5000) + "-1",
    ]

    @Test(arguments: refused)
    func `anything else is no id`(text: String) {
        #expect(messageID(text) == nil)
    }

    @Test func `an epoch has 1 to 32 bytes of its alphabet`() {
        #expect(epoch("") == nil)
        #expect(epoch("a") != nil)
        #expect(epoch(String(repeating: "a", count: 32)) != nil)
        #expect(epoch(String(repeating: "a", count: 33)) == nil)
        for byte in UInt8.min...UInt8.max {
            let found = Epoch([byte].span)
            let scalar = Character(Unicode.Scalar(byte))
            let allowed = scalar.isASCII && (scalar.isLetter || scalar.isNumber)
            #expect((found != nil) == (allowed || scalar == "-" || scalar == "_"))
        }
    }

    @Test(arguments: 1...12)
    func `a made epoch is short lower-case text that parses`(length: Int) throws {
        var random = TextRandom(seed: UInt64(length))
        for _ in 0..<100 {
            let made = Epoch.make(random: random.next(), length: length)
            #expect(made.bytes.count == length)
            #expect(made.description.lowercased() == made.description)
            #expect(epoch(made.description) == made)
        }
        #expect(Epoch.make(random: 0, length: 3).description == "000")
        #expect(Epoch.make(random: .max, length: 3).description == "zzz")
    }

    @Test func `each bit that counts makes another epoch`() {
        let made = Set((0..<40).map { Epoch.make(random: 1 << $0) })
        #expect(made.count == 40)
        #expect(!made.contains(Epoch.make(random: 0)))
    }

    @Test(arguments: [UInt64](1...4))
    func `random ids come back`(seed: UInt64) {
        var random = TextRandom(seed: seed)
        for _ in 0..<500 {
            let sequence = random.next() >> UInt64.random(in: 0..<64, using: &random)
            let id = MessageID(epoch: .make(random: random.next()), sequence: sequence)
            #expect(messageID(id.description) == id, "seed \(seed)")
        }
    }
}
