import Testing

@testable import Ring

@Suite struct SipHashTests {
    /// Bytes 0, 1, 2 … under the key 0, 1 … 15, as the reference implementation hashes them.
    @Test(
        arguments: [
            (0, 0xabac_0158_050f_c4dc), (1, 0xc9f4_9bf3_7d57_ca93), (7, 0xd392_7d98_9bb1_1140),
            (8, 0x3690_9511_8d29_9a8e), (9, 0x25a4_8eb3_6c06_3de4), (15, 0xd320_d86d_2a51_9956),
            (16, 0xcc4f_dd1a_7d90_8b66), (63, 0x9d19_9062_b7bb_b3a8),
        ] as [(Int, UInt64)])
    func `a count of bytes hashes as the reference says`(count: Int, expected: UInt64) {
        let bytes = (0..<count).map { UInt8($0) }
        let hash = sipHash13(bytes.span, key: key)
        #expect(hash == expected)
    }

    @Test func `in pieces it is the hash of the whole`() {
        let bytes = (0..<40).map { UInt8($0 * 6) }
        for count in bytes.indices {
            let whole = sipHash13(bytes.span.extracting(0..<count), key: key)
            for split in 0...count {
                var hasher = SipHasher(key)
                hasher.append(bytes.span.extracting(0..<split))
                hasher.append(bytes.span.extracting(split..<count))
                #expect(hasher.finish() == whole, "\(count) split at \(split)")
            }
        }
        var hasher = SipHasher(key)
        hasher.append(UInt8(1))
        hasher.append(0x0908_0706_0504_0302 as UInt64)
        let same = (1...9).map { UInt8($0) }
        #expect(hasher.finish() == sipHash13(same.span, key: key))
    }

    @Test func `another key gives another hash`() {
        let bytes: [UInt8] = []
        let hash = sipHash13(bytes.span, key: HashKey(0, 0))
        #expect(hash == 0xd1fb_a762_150c_532c)
    }
}

@Suite struct ChannelNameTests {
    @Test func `names are equal when their bytes are`() {
        let one = ChannelName(Array("a".utf8), key: key)
        let same = ChannelName(Array("a".utf8), key: key)
        let other = ChannelName(Array("b".utf8), key: key)
        #expect(one == same)
        #expect(one.hash == same.hash)
        #expect(one != other)
        #expect(Set([one, same, other]).count == 2)
    }

    @Test func `names whose hashes collide stay different`() {
        let one = ChannelName(Array("a".utf8), hash: 7)
        let other = ChannelName(Array("b".utf8), hash: 7)
        #expect(one != other)
        #expect(Set([one, other]).count == 2)
    }

    @Test(arguments: [1, 255])
    func `a name of so many bytes is taken`(count: Int) {
        #expect(ChannelName(Array(repeating: 0x61, count: count), key: key).bytes.count == count)
    }

    @Test func `an empty name stops the program`() async {
        await #expect(processExitsWith: .failure) { _ = ChannelName([], key: HashKey(1, 2)) }
    }

    @Test func `a name of 256 bytes stops the program`() async {
        await #expect(processExitsWith: .failure) {
            _ = ChannelName(Array(repeating: 0x61, count: 256), key: HashKey(1, 2))
        }
    }
}
