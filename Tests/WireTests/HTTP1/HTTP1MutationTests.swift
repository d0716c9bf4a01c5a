// Sound bytes spoiled at random: nothing may trap, and no cut may change what comes out.

import Testing
import Wire

/// SplitMix64: the same numbers from the same seed, everywhere.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct HTTP1MutationTests {
    private static let seeds = [
        browserRequest, simpleRequest, request(["Content-Length: 3"]) + "abc",
        request(["Transfer-Encoding: chunked"]) + "3;a\r\nabc\r\n0\r\nA: b\r\n\r\n",
        "GET http://a:80/b?c=%41+d HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\n\r\n",
    ].map { Array($0.utf8) }

    /// Bytes at which parsers decide something.
    private static let telling: [UInt8] =
        Array("\r\n\t :;,%/?#*\"\\\0".utf8) + [0x7F, 0x80, 0xFF, 0x30, 0x41]

    private func mutant(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = Self.seeds.randomElement(using: &generator)!
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let at = Int.random(in: 0..<max(bytes.count, 1), using: &generator)
            let byte =
                Bool.random(using: &generator)
                ? Self.telling.randomElement(using: &generator)!
                : UInt8.random(in: .min ... .max, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0 where !bytes.isEmpty: bytes[at] = byte
            case 1 where !bytes.isEmpty: bytes.remove(at: at)
            case 2 where !bytes.isEmpty:
                let end = min(at + Int.random(in: 1...12, using: &generator), bytes.count)
                bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 3: bytes += Self.seeds.randomElement(using: &generator)!
            default: bytes.insert(byte, at: min(at, bytes.count))
            }
        }
        return bytes
    }

    @Test func `spoiled requests give the same in one piece and in several`() {
        let seed = UInt64.random(in: .min ... .max)
        print("HTTP/1.1 mutation seed: \(seed)")
        var generator = SeededGenerator(state: seed)
        var outcomes = (sound: 0, refused: 0)
        for round in 0..<3_000 {
            let bytes = mutant(&generator)
            var whole = Exchange(bodyBytesMax: 64)
            whole.receive(bytes)
            var pieces = Exchange(bodyBytesMax: 64)
            var start = 0
            while start < bytes.count {
                let end = min(start + Int.random(in: 1...40, using: &generator), bytes.count)
                pieces.receive(bytes[start..<end])
                start = end
            }
            #expect(whole == pieces, "seed \(seed), round \(round): \(bytes)")
            if whole.error == nil { outcomes.sound += 1 } else { outcomes.refused += 1 }
        }
        // Both must occur, or the mutants are of no use.
        #expect(outcomes.sound > 100, "seed \(seed)")
        #expect(outcomes.refused > 100, "seed \(seed)")
    }

    @Test func `spoiled heads given to every parser never trap`() {
        let seed = UInt64.random(in: .min ... .max)
        print("HTTP/1.1 parser mutation seed: \(seed)")
        var generator = SeededGenerator(state: seed)
        var parsed = 0
        for _ in 0..<3_000 {
            let bytes = mutant(&generator)
            if let head = try? RequestHead(bytes.span, limits: HTTP1Limits()) {
                parsed += 1
                _ = (head.segments, head.query, head.host, head.upgrades)
                _ = (head.accepts("text/plain"), head.values("host"), head.path)
            }
            let response = Array("HTTP/1.1 200 OK\r\n".utf8) + bytes
            _ = try? ResponseHead(response.span, to: .get, limits: HTTP1Limits())
            _ = try? ResponseHead(bytes.span, to: .get, limits: HTTP1Limits())
            var body: [UInt8] = []
            var decoder = BodyDecoder(.chunked, bodyBytesMax: 64, limits: HTTP1Limits())
            _ = try? decoder.decode(bytes.span, from: 0, into: &body)
            #expect(body.count <= 64)
        }
        #expect(parsed > 50, "seed \(seed)")
    }
}
