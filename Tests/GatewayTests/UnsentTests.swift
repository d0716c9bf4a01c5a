import Bytes
import Glibc
import Loops
import Testing

@testable import Gateway

@Suite struct UnsentTests {
    private func withPair(_ body: (Stream, Int32) throws -> Void) throws {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        try body(Stream(descriptor: ends[0]), ends[1])
    }

    private func receive(_ end: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = recv(end, &bytes, bytes.count, 0)
        return Array(bytes.prefix(max(0, count)))
    }

    @Test(arguments: [(65_535, 0), (65_536, 65_536)])
    func `progress is worth telling of from 64 KiB on`(count: Int, told: Int) throws {
        try withPair { stream, _ in
            let unsent = Unsent(minimumCapacity: 0)
            unsent.room().append([UInt8](repeating: 1, count: count))
            #expect(unsent.write(to: stream) == count)
            #expect(unsent.isEmpty)
            #expect(unsent.takeProgress() == told)
            #expect(unsent.takeProgress() == 0)
            unsent.room().append([1])
            #expect(unsent.write(to: stream) == 1)
            #expect(unsent.takeProgress() == (told == 0 ? 65_536 : 0))
        }
    }

    @Test func `a peer that is never quite done gets all in order, and what is out is dropped`()
        throws
    {
        try withPair { stream, end in
            let unsent = Unsent(minimumCapacity: 0)
            let all = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            var given = 0
            var arrived: [UInt8] = []
            while arrived.count < all.count {
                // As much again as has gone: some of it always stays.
                let more = all[given..<min(all.count, arrived.count + (1 << 20))]
                let room = unsent.room()
                room.append(Array(more))
                given += more.count
                #expect(room.count <= 3 << 20)
                #expect(unsent.write(to: stream) >= 0)
                arrived += receive(end)
            }
            let isSame = arrived == all
            #expect(isSame)
            #expect(unsent.isEmpty)
        }
    }
}
