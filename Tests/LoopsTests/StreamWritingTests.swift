import Glibc
import Synchronization
import Testing

@testable import Loops

@Suite struct StreamWritingTests {
    /// One accepted client and its stream. Both ends have buffers of 64 KiB (the kernel doubles the
    /// number), so that a megabyte cannot vanish in them.
    private func withPair(_ body: (Loop, Recorder, Stream, Client) throws -> Void) throws {
        try withLoop { loop, recorder in
            let client = try Client.tcp(try listen(loop), receiveBytes: 65_536)
            recorder.turn { recorder.accepted == 1 }
            let stream = try #require(recorder.streams[1])
            var sendBytes: Int32 = 65_536
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(stream.descriptor, SOL_SOCKET, SO_SNDBUF, &sendBytes, size)
            try body(loop, recorder, stream, client)
        }
    }

    /// Offers 2 MiB to the kernel, which takes less: all bytes, and how many went. In the
    /// background the kernel may make room for some more, but not for all.
    private func fill(_ stream: Stream) -> (all: [UInt8], taken: Int) {
        let all = pattern(2 << 20)
        let taken = all.withUnsafeBytes { stream.tryWrite($0) }
        #expect(taken > 0)
        #expect(taken < 1 << 20)
        return (all, max(taken, 0))
    }

    @Test(arguments: [true, false])
    func `what the kernel left is queued, and all arrives in order`(copying: Bool) throws {
        try withPair { loop, recorder, stream, client in
            let (all, taken) = fill(stream)
            let rest = Holder(all[taken...])
            if copying {
                #expect(stream.queue(copying: rest.bytes) == 0)
            } else {
                #expect(stream.queue(owner: rest, rest.bytes) == 0)
            }
            #expect(stream.hasQueuedWrite)
            #expect(stream.queuedBytes > 0)
            #expect([UInt8]([0]).withUnsafeBytes { stream.tryWrite($0) } == 0)
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.drains.isEmpty)

            // The reader starts only now.
            let isSame = Atomic(false)
            let reader = try LoopThread.start(name: "reader") { [count = all.count] in
                isSame.store(client.receive(count) == all, ordering: .relaxed)
            }
            recorder.turn(atMost: 100_000) { !recorder.drains.isEmpty }
            reader.join()
            let arrivedSame = isSame.load(ordering: .relaxed)
            #expect(arrivedSame)
            #expect(recorder.drains.map(\.token) == [1])
            #expect(recorder.drains.map(\.error) == [0])
            #expect(!stream.hasQueuedWrite)
            #expect([UInt8]([0]).withUnsafeBytes { stream.tryWrite($0) } == 1)
        }
    }

    @Test func `several pieces go out in their order`() throws {
        try withPair { _, recorder, stream, client in
            let bytes = pattern(1000)
            bytes.withUnsafeBytes { all in
                // Empty pieces among them, and more than libuv keeps room for by itself.
                let vectors = stride(from: 0, to: 1000, by: 100).flatMap { at in
                    [
                        IOVector(start: nil, count: 0),
                        IOVector(start: all.baseAddress! + at, count: 100),
                    ]
                }
                vectors.withUnsafeBufferPointer { #expect(stream.tryWrite($0) == 1000) }
                vectors.withUnsafeBufferPointer {
                    #expect(stream.queue(owner: Holder([]), $0) == 0)
                }
                recorder.turn { !recorder.drains.isEmpty }
            }
            #expect(client.receive(2000) == bytes + bytes)
        }
    }

    @Test func `of too many pieces the first 1,024 are taken`() throws {
        try withPair { _, _, stream, client in
            let bytes = pattern(1025)
            bytes.withUnsafeBytes { all in
                let vectors = (0..<1025).map { IOVector(start: all.baseAddress! + $0, count: 1) }
                vectors.withUnsafeBufferPointer { #expect(stream.tryWrite($0) == 1024) }
            }
            #expect(client.receive(1024) == Array(bytes.prefix(1024)))
        }
    }

    @Test func `nothing to write takes nothing`() throws {
        try withPair { _, _, stream, _ in
            #expect(stream.tryWrite(UnsafeBufferPointer(start: nil, count: 0)) == 0)
        }
    }

    @Test func `a queued write is never reported from within the call`() throws {
        try withPair { loop, recorder, stream, client in
            let code = [UInt8]([1, 2]).withUnsafeBytes { stream.queue(copying: $0) }
            #expect(code == 0)
            // The kernel had room, so the bytes are there already.
            #expect(client.receive(2) == [1, 2])
            #expect(recorder.drains.isEmpty)
            #expect([UInt8]([3]).withUnsafeBytes { stream.tryWrite($0) } == 0)
            recorder.turn { !recorder.drains.isEmpty }
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.drains.count == 1)
        }
    }

    @Test func `an owner is held until drained`() throws {
        try withPair { _, recorder, stream, _ in
            var owner: Holder? = Holder(pattern(100)[...])
            weak let held = owner
            stream.queue(owner: owner!, owner!.bytes)
            owner = nil
            #expect(held != nil)
            recorder.turn { !recorder.drains.isEmpty }
            #expect(held == nil)
        }
    }

    @Test(arguments: [false, true])
    func `closing drops a queued write without a word`(reset: Bool) throws {
        try withPair { loop, recorder, stream, client in
            let (all, taken) = fill(stream)
            var owner: Holder? = Holder(all[taken...])
            weak let held = owner
            stream.queue(owner: owner!, owner!.bytes)
            owner = nil
            recorder.close(1, reset: reset)
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(held == nil)
            #expect(recorder.drains.isEmpty)
            #expect(recorder.ends.isEmpty)
            withExtendedLifetime(client) {}
        }
    }

    @Test func `a half close waits for the queued write`() throws {
        try withPair { _, recorder, stream, client in
            let (all, taken) = fill(stream)
            all[taken...].withUnsafeBytes { _ = stream.queue(copying: $0) }
            stream.shutdown()
            let isSame = Atomic(false)
            let reader = try LoopThread.start(name: "reader") { [count = all.count] in
                // One byte more is asked for, so the end is seen too.
                isSame.store(client.receive(count + 1) == all, ordering: .relaxed)
                client.finish()
            }
            recorder.turn(atMost: 100_000) { !recorder.ends.isEmpty }
            reader.join()
            let arrivedSame = isSame.load(ordering: .relaxed)
            #expect(arrivedSame)
            #expect(recorder.drains.map(\.error) == [0])
        }
    }

    @Test func `a queued write fails when the peer resets`() throws {
        try withLoop { loop, recorder in
            recorder.readsAtOnce = false
            var client: Client? = try Client.tcp(try listen(loop), receiveBytes: 65_536)
            recorder.turn { recorder.accepted == 1 }
            let stream = try #require(recorder.streams[1])
            let all = pattern(16 << 20)
            let taken = all.withUnsafeBytes { stream.tryWrite($0) }
            all[taken...].withUnsafeBytes { _ = stream.queue(copying: $0) }
            client?.resetOnClose()
            client = nil
            recorder.turn { !recorder.drains.isEmpty }
            #expect(recorder.drains.map(\.error) == [-ECONNRESET])
        }
    }

    @Test func `a second queued write is a programmer's error`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try Loop()
            let recorder = Recorder(loop)
            let client = try Client.tcp(try listen(loop))
            recorder.turn { recorder.accepted == 1 }
            let stream = try #require(recorder.streams[1])
            [UInt8]([1]).withUnsafeBytes { _ = stream.queue(copying: $0) }
            [UInt8]([1]).withUnsafeBytes { _ = stream.queue(copying: $0) }
            withExtendedLifetime(client) {}
        }
    }
}

/// An owner of bytes at a fixed place.
private final class Holder {
    let bytes: UnsafeRawBufferPointer

    init(_ source: ArraySlice<UInt8>) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 1)
        memory.copyBytes(from: source)
        bytes = UnsafeRawBufferPointer(memory)
    }

    deinit { bytes.deallocate() }
}
