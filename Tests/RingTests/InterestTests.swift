@testable import Ring
import Testing

@Suite struct InterestTests {
    private func followers(_ interest: Interest, _ name: ChannelName) -> [Int] {
        var set = LoopSet()
        interest.addFollowers(of: name, to: &set)
        return (0..<Sleepers.loopsMax).filter { set.contains($0) }
    }

    /// In this bucket, whatever the number of buckets is.
    private func name(bucket: Int) -> ChannelName {
        ChannelName([0x61], hash: UInt64(bucket) | 0xABCD << 48)
    }

    @Test(arguments: [1, 64, 65, 257])
    func `each loop is told of alone, in each bucket, at any number of loops`(loops: Int) {
        let interest = Interest(loops: loops, buckets: 8)
        for bucket in 0..<8 {
            for loop in 0..<loops {
                interest.follow(name(bucket: bucket), on: loop)
                for other in 0..<8 {
                    let found = followers(interest, name(bucket: other))
                    #expect(found == (other == bucket ? [loop] : []))
                }
                #expect(interest.isFollowed(bucket: bucket, on: loop))
                interest.clear(bucket: bucket, on: loop)
                #expect(!interest.isFollowed(bucket: bucket, on: loop))
            }
        }
    }

    @Test func `a loop that follows twice and leaves once leaves`() {
        let interest = Interest(loops: 3)
        let name = name(bucket: 70_000)
        for loop in [0, 2, 2] { interest.follow(name, on: loop) }
        #expect(followers(interest, name) == [0, 2])
        interest.clear(bucket: interest.bucket(of: name), on: 2)
        #expect(followers(interest, name) == [0])
    }

    @Test func `names of one bucket share it, others do not`() {
        let interest = Interest(loops: 2)
        let count = Interest.bucketsUsual
        interest.follow(name(bucket: 5), on: 1)
        #expect(followers(interest, name(bucket: 5 + count)) == [1])
        #expect(followers(interest, name(bucket: 5 + count / 2)) == [])
    }

    @Test func `the followers of several channels come together`() {
        let interest = Interest(loops: 257)
        interest.follow(name(bucket: 1), on: 0)
        interest.follow(name(bucket: 2), on: 256)
        var set = LoopSet()
        for bucket in 1...3 { interest.addFollowers(of: name(bucket: bucket), to: &set) }
        var expected = LoopSet()
        expected.insert(0)
        #expect(set != expected)
        expected.insert(256)
        #expect(set == expected)
        #expect(!set.isEmpty && LoopSet().isEmpty)
    }

    @Test(arguments: [(0, 8), (258, 8), (1, 0), (1, 12)])
    func `so many loops and buckets stop the program`(loops: Int, buckets: Int) async {
        await #expect(processExitsWith: .failure) { [loops, buckets] in
            _ = Interest(loops: loops, buckets: buckets)
        }
    }
}
