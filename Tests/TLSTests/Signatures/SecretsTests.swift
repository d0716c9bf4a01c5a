import Signatures
import Testing

@Suite struct SecretsTests {
    @Test(arguments: [
        ("", "", true), ("a", "a", true), ("a", "b", false), ("a", "", false), ("", "a", false),
        ("token", "token", true), ("token", "tokem", false), ("token", "Token", false),
        ("token", "token ", false), ("token ", "token", false),
    ])
    func `equality is of content and of length`(a: String, b: String, same: Bool) {
        let left = Array(a.utf8)
        let right = Array(b.utf8)
        let equal = equalInConstantTime(left.span, right.span)
        #expect(equal == same)
    }

    @Test(arguments: [0, 1, 16, 32, 65_536])
    func `as many random bytes come as were asked for`(count: Int) {
        #expect(randomBytes(count).count == count)
    }

    @Test func `every value of a byte turns up, and about as often as the others`() {
        var seen = [Int](repeating: 0, count: 256)
        for byte in randomBytes(256 * 1_000) { seen[Int(byte)] += 1 }
        // 1,000 expected with a deviation of 32: ten deviations are never seen by chance.
        #expect(seen.allSatisfy { abs($0 - 1_000) < 320 })
    }

    @Test func `two draws differ`() {
        #expect(randomBytes(16) != randomBytes(16))
        #expect(randomUInt64() != randomUInt64())
    }

    @Test func `every bit of a random number is set now and then`() {
        var ever: UInt64 = 0
        var always: UInt64 = .max
        for _ in 0..<128 {
            let number = randomUInt64()
            ever |= number
            always &= number
        }
        #expect(ever == .max)
        #expect(always == 0)
    }
}
