import Glibc
import Testing

@testable import Loops

@Suite struct WatchingTests {
    @Test func `a stream that is not watched leaves its bytes with the kernel`() throws {
        try withClients { loop, recorder, clients in
            recorder.watch(1, for: .nothing)
            clients[0].send([1, 2])
            recorder.turnIdly()
            #expect(recorder.readable.isEmpty)
            recorder.watch(1, for: .reading)
            recorder.turn { recorder.received[1] == [1, 2] }
        }
    }

    @Test func `room for bytes is reported turn after turn, until nobody watches for it`() throws {
        try withClients(readsAtOnce: false) { loop, recorder, _ in
            recorder.watch(1, for: .writing)
            for turns in 1...3 {
                loop.turn(block: true)
                #expect(recorder.writable.count == turns)
            }
            recorder.watch(1, for: [.reading, .writing])
            loop.turn(block: true)
            #expect(recorder.writable.count == 4)
            recorder.watch(1, for: .reading)
            recorder.turnIdly()
            #expect(recorder.writable.count == 4)
            #expect(recorder.readable.isEmpty)
        }
    }

    @Test func `an end that was read is not reported again, and room for bytes is`() throws {
        try withClients { loop, recorder, clients in
            recorder.watch(1, for: [.reading, .writing])
            clients[0].finish()
            recorder.turn { recorder.ends.count == 1 }
            let (readable, writable) = (recorder.readable.count, recorder.writable.count)
            loop.turn(block: true)
            #expect(recorder.readable.count == readable)
            #expect(recorder.writable.count == writable + 1)
        }
    }

    @Test func `nothing is reported of a stream that is watched for nothing, not even a reset`()
        throws
    {
        try withLoop { loop, recorder in
            var client: Client? = try Client.tcp(try listen(loop))
            recorder.turn { recorder.accepted == 1 }
            recorder.watch(1, for: .nothing)
            client?.resetOnClose()
            client = nil
            recorder.turnIdly()
            #expect(recorder.readable.isEmpty && recorder.writable.isEmpty)
        }
    }

    @Test func `a reset reaches who waits for room only, and the write tells it`() throws {
        try withLoop { loop, recorder in
            recorder.readsAtOnce = false
            var client: Client? = try Client.tcp(try listen(loop), receiveBytes: 65_536)
            recorder.turn { recorder.accepted == 1 }
            let stream = try #require(recorder.streams[1])
            let bytes = pattern(1 << 20)
            while bytes.withUnsafeBytes({ stream.write($0) }) > 0 {}
            var codes: [Int] = []
            recorder.onWritable = { token in
                codes.append(bytes.withUnsafeBytes { stream.write($0) })
                recorder.watch(token, for: .nothing)
            }
            recorder.watch(1, for: .writing)
            client?.resetOnClose()
            client = nil
            recorder.turn { !codes.isEmpty }
            #expect(codes == [-Int(ECONNRESET)])
        }
    }

    @Test func `an event of a stream that was closed before it in the turn bears its token`() throws
    {
        try withClients(count: 2) { loop, recorder, clients in
            recorder.onReceived = { token, _ in recorder.close(3 - token) }
            for client in clients { client.send([1]) }
            loop.turn(block: true)
            #expect(recorder.readable.sorted() == [1, 2])
            #expect(recorder.received.count == 1)
            #expect(loop.streamCount == 1)
        }
    }

    @Test func `a number given again within a turn does not hear of the stream that had it`() throws
    {
        try withClients(count: 2) { loop, recorder, clients in
            var ends: [Int32] = [-1, -1]
            recorder.onReceived = { token, _ in
                let old = 3 - token
                let number = recorder.streams[old]?.descriptor
                recorder.close(old)
                // One of the two gets the lowest free number.
                socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK, 0, &ends)
                #expect(ends.contains { $0 == number })
                if ends[0] != number { ends.swapAt(0, 1) }
                #expect(
                    loop.watch(
                        Stream(descriptor: ends[0]), token: 9, for: .reading, insteadOf: .nothing))
            }
            for client in clients { client.send([1]) }
            loop.turn(block: true)
            #expect(recorder.readable.sorted() == [1, 2])
            #expect(send(ends[1], "x", 1, 0) == 1)
            loop.turn(block: true)
            #expect(recorder.readable.last == 9)
            for end in ends { close(end) }
        }
    }

    @Test func `those whom a turn has no room to report come in the next ones`() throws {
        try withClients(count: 10, eventsPerTurnMax: 4, readsAtOnce: false) { loop, recorder, _ in
            // Always ready: who has been reported is so again.
            for token in recorder.streams.keys { recorder.watch(token, for: .writing) }
            for turns in 1...5 {
                loop.turn(block: true)
                #expect(recorder.writable.count == 4 * turns)
            }
            let counts = Dictionary(grouping: recorder.writable) { $0 }.mapValues(\.count)
            #expect(counts.count == 10)
            #expect(counts.values.allSatisfy { $0 == 2 })
        }
    }

    @Test func `a stream that the kernel does not know is refused`() throws {
        try withLoop { loop, _ in
            let nobody = Stream(descriptor: -1)
            #expect(!loop.watch(nobody, token: 1, for: .reading, insteadOf: .nothing))
            #expect(loop.watch(nobody, token: 1, for: .reading, insteadOf: .reading))
        }
    }
}
