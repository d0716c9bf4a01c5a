import Glibc
import Testing

@testable import Loops

@Suite struct AcceptorTests {
    /// Blocking turns until the timer fires, `milliseconds` from now: how often the loop woke.
    private static func turns(_ loop: Loop, _ recorder: Recorder, until milliseconds: UInt64) -> Int
    {
        let fired = recorder.timersFired
        loop.updateTime()
        loop.arm(timerAtMilliseconds: loop.now + milliseconds)
        var turns = 0
        while recorder.timersFired == fired, turns < 1000 {
            loop.turn(block: true)
            turns += 1
        }
        return turns
    }

    @Test func `at the limit accepting pauses, sleeps, and goes on as streams close`() throws {
        try withLoop(streamsMax: 2) { loop, recorder in
            let port = try listen(loop, tag: 5)
            let clients = try (0..<5).map { _ in try Client.tcp(port) }
            recorder.turn { !recorder.pauses.isEmpty }
            #expect(recorder.accepted == 2)
            #expect(recorder.pauses.map(\.listener) == [5])
            #expect(recorder.pauses.map(\.error) == [0])
            #expect(AcceptorTests.turns(loop, recorder, until: 30) <= 2)
            #expect(recorder.accepted == 2)
            #expect(loop.pausesAtLimit == 1)

            recorder.close(1)
            recorder.turn { recorder.accepted == 3 }
            #expect(recorder.resumptions == [5])
            loop.streamsMax = 4
            recorder.turn { recorder.accepted == 5 }
            #expect(loop.streamCount == 4)
            #expect(loop.pausesByError == 0)
            withExtendedLifetime(clients) {}
        }
    }

    @Test func `a limit of 64 takes 64 connections and no more`() throws {
        try withLoop(streamsMax: 64) { loop, recorder in
            let port = try listen(loop)
            let clients = try (0..<65).map { _ in try Client.tcp(port) }
            recorder.turn { !recorder.pauses.isEmpty }
            #expect(loop.streamCount == 64)
            withExtendedLifetime(clients) {}
        }
    }

    @Test func `one turn accepts at most 64 from one listener`() throws {
        try withLoop { loop, recorder in
            let port = try listen(loop)
            let clients = try (0..<65).map { _ in try Client.tcp(port) }
            loop.turn(block: true)
            #expect(recorder.accepted == 64)
            loop.turn(block: true)
            #expect(recorder.accepted == 65)
            withExtendedLifetime(clients) {}
        }
    }

    /// Lowers the limit and takes every descriptor below it. Other threads of the process (Swift's,
    /// the C library's) may still give one back that they held, so no test counts on the last one.
    private static func exhaust() -> [Int32] {
        var limits = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        let firstFree = dup(0)
        close(firstFree)
        limits.rlim_cur = rlim_t(firstFree + 16)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        var fillers: [Int32] = []
        while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
        return fillers
    }

    @Test func `without descriptors accepting pauses, sleeps, and recovers by itself`() async {
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            let recorder = Recorder(loop)
            let port = try listen(loop)
            let clients = try (0..<8).map { _ in try Client.tcp(port) }
            let fillers = AcceptorTests.exhaust()

            // The first turn pauses; then there are the retries (at 100, 200 and 300 ms), each of
            // two turns, and the timer.
            let turns = AcceptorTests.turns(loop, recorder, until: 350)
            let acceptedMeanwhile = recorder.accepted
            for filler in fillers { close(filler) }
            #expect(turns <= 16)
            #expect(acceptedMeanwhile < 8)
            #expect(recorder.pauses.first?.error == -EMFILE)
            #expect(loop.pausesByError >= 1)

            recorder.turn { recorder.accepted == 8 }
            // Nobody was hung up on meanwhile.
            for (number, client) in clients.enumerated() { client.send([UInt8(number)]) }
            recorder.turn { recorder.received.count == 8 }
            recorder.closeAll()
            loop.close()
        }
    }

    @Test func `a stream that closes makes accepting resume at once`() async {
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            let recorder = Recorder(loop)
            let port = try listen(loop)
            let early = try Client.tcp(port)
            recorder.turn { recorder.accepted == 1 }
            let clients = try (0..<8).map { _ in try Client.tcp(port) }
            let fillers = AcceptorTests.exhaust()

            recorder.turn { recorder.pauses.count > recorder.resumptions.count }
            recorder.close(1)
            let isResumed = recorder.pauses.count == recorder.resumptions.count
            for filler in fillers { close(filler) }
            #expect(isResumed)
            recorder.turn { recorder.accepted == 9 }
            recorder.closeAll()
            loop.close()
            withExtendedLifetime((early, clients)) {}
        }
    }

    private func option(_ descriptor: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        #expect(getsockopt(descriptor, Int32(IPPROTO_TCP), name, &value, &size) == 0)
        return value
    }

    /// Listening since before a loop, and its options, reached it.
    private func listeners() throws -> [Listener] {
        let made = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
        let shared = try made.share()
        return [made, try made.sibling(), try Listener.adopting(shared, ownsFile: false)]
    }

    @Test(arguments: 0..<3, [(UInt64(60_000), Int32(60_000)), (.max, .max)])
    func `a connection has its listener's options, whether it came before them or after`(
        kind: Int, limit: (given: UInt64, set: Int32)
    ) throws {
        try withLoop { loop, recorder in
            let listener = try listeners()[kind]
            let early = try Client.tcp(listener.port)
            try loop.listen(
                listener, tag: 0, unacknowledgedMillisecondsMax: limit.given)
            recorder.turn { recorder.accepted == 1 }
            // Its options are handed down by the kernel: the queue was empty meanwhile.
            recorder.turnIdly()
            let late = try Client.tcp(listener.port)
            recorder.turn { recorder.accepted == 2 }
            for token in [UInt64(1), 2] {
                let descriptor = try #require(recorder.streams[token]).descriptor
                #expect(option(descriptor, TCP_NODELAY) != 0)
                #expect(option(descriptor, TCP_USER_TIMEOUT) == limit.set)
            }
            withExtendedLifetime((early, late)) {}
        }
    }

    @Test func `a listener that stops refuses, and its streams go on`() throws {
        try withDirectory { directory in
            try withLoop { loop, recorder in
                // A path and not a port: the kernel may give a free port to another test.
                let path = "\(directory)/s"
                let listener = try Listener.unix(path: path)
                try loop.listen(listener, tag: 1)
                let other = try listen(loop, tag: 2)
                let client = try Client.unix(path)
                recorder.turn { recorder.accepted == 1 }
                loop.stopListening(tag: 1)

                // The file lies there until the last reference is gone, but nobody answers.
                let late = Client(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
                let address = try SocketAddress(path: path)
                let code = address.withSockaddr { connect(late.descriptor, $0, $1) }
                #expect(code == -1)
                #expect(errno == ECONNREFUSED)
                client.send([1])
                recorder.turn { recorder.received[1] == [1] }
                let second = try Client.tcp(other)
                recorder.turn { recorder.accepted == 2 }
                #expect(recorder.listeners == [1, 2])
                withExtendedLifetime((listener, second)) {}
            }
        }
    }

    @Test func `a handler may stop the listener it hears from`() throws {
        try withLoop { loop, recorder in
            let port = try listen(loop)
            let clients = try (0..<3).map { _ in try Client.tcp(port) }
            recorder.onAccepted = { _ in loop.stopListening(tag: 0) }
            recorder.turn { recorder.accepted == 1 }
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.accepted == 1)
            withExtendedLifetime(clients) {}
        }
    }
}
