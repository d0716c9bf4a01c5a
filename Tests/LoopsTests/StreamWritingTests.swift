import Glibc
import Testing

@testable import Loops

@Suite struct StreamWritingTests {
    /// One accepted client and its stream. Both ends have buffers of 64 KiB (the kernel doubles the
    /// number), so that a megabyte cannot vanish in them.
    private func withPair(_ body: (Loop, Recorder, Stream, Client) throws -> Void) throws {
        try withLoop { loop, recorder in
            recorder.readsAtOnce = false
            let client = try Client.tcp(try listen(loop), receiveBytes: 65_536)
            recorder.turn { recorder.accepted == 1 }
            let stream = try #require(recorder.streams[1])
            var sendBytes: Int32 = 65_536
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(stream.descriptor, SOL_SOCKET, SO_SNDBUF, &sendBytes, size)
            try body(loop, recorder, stream, client)
        }
    }

    /// Writes until the kernel takes no more.
    ///
    /// - Returns: how many bytes of `all` it took.
    private func fill(_ stream: Stream, _ all: [UInt8]) -> Int {
        var taken = 0
        while case let count = all[taken...].withUnsafeBytes({ stream.write($0) }), count > 0 {
            taken += count
        }
        return taken
    }

    @Test func `what the kernel has no room for is left, and goes when it says that it has`() throws
    {
        try withPair { loop, recorder, stream, client in
            let all = pattern(2 << 20)
            var sent = fill(stream, all)
            #expect(sent > 0 && sent < all.count)
            recorder.onWritable = { token in
                let written = all[sent...].withUnsafeBytes { stream.write($0) }
                #expect(written >= 0)
                sent += max(written, 0)
                if sent == all.count { recorder.watch(token, for: .nothing) }
            }
            recorder.watch(1, for: .writing)
            recorder.turnIdly()
            #expect(recorder.writable.isEmpty)

            var arrived: [UInt8] = []
            while arrived.count < all.count {
                // No more than is there already, or this would wait for itself.
                let count = min(all.count - arrived.count, 4_096)
                arrived += try #require(client.receive(count))
                loop.turn(block: false)
            }
            #expect(arrived == all)
            #expect(sent == all.count)
            let reported = recorder.writable.count
            recorder.turnIdly()
            #expect(recorder.writable.count == reported)
        }
    }

    @Test func `several pieces go out in their order`() throws {
        try withPair { _, _, stream, client in
            let bytes = pattern(1000)
            bytes.withUnsafeBytes { all in
                // Empty pieces among them.
                let vectors = stride(from: 0, to: 1000, by: 100).flatMap { at in
                    [
                        IOVector(start: nil, count: 0),
                        IOVector(start: all.baseAddress! + at, count: 100),
                    ]
                }
                vectors.withUnsafeBufferPointer { #expect(stream.write($0) == 1000) }
                vectors[1...1].withUnsafeBufferPointer { #expect(stream.write($0) == 100) }
            }
            #expect(client.receive(1100) == bytes + bytes.prefix(100))
        }
    }

    @Test(arguments: [(1024, 1024), (1025, 1024)])
    func `so many pieces are taken at once`(offered: Int, taken: Int) throws {
        try withPair { _, _, stream, client in
            let bytes = pattern(offered)
            bytes.withUnsafeBytes { all in
                let vectors = all.indices.map { IOVector(start: all.baseAddress! + $0, count: 1) }
                vectors.withUnsafeBufferPointer { #expect(stream.write($0) == taken) }
            }
            #expect(client.receive(taken) == Array(bytes.prefix(taken)))
        }
    }

    @Test func `nothing to write takes nothing`() throws {
        try withPair { _, _, stream, _ in
            #expect(stream.write(UnsafeBufferPointer(start: nil, count: 0)) == 0)
        }
    }

    @Test(arguments: [1, 2])
    func `a peer that is gone is a code, and no signal`(pieces: Int) throws {
        try withPair { _, _, stream, _ in
            stream.shutdown()
            [UInt8]([1]).withUnsafeBytes { byte in
                [IOVector](repeating: IOVector(byte), count: pieces).withUnsafeBufferPointer {
                    #expect(stream.write($0) == -Int(EPIPE))
                }
            }
        }
    }
}
