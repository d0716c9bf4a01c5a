import Testing

@testable import TLS

@Suite struct TLSLoopTests {
    /// Client and server ends alike, all engines share one loop and so one BIO.
    @Test(arguments: [UInt64(1), 2, UInt64.random(in: 3 ... .max)])
    func `hundreds of engines on one loop never see each other's bytes`(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let loop = TLSLoop()
        let talks = try (0..<200).map { try Talk(number: $0, loop: loop) }
        var running = talks
        var steps = 0
        while !running.isEmpty {
            steps += 1
            try #require(steps < 1_000_000, "seed \(seed): no end")
            let index = Int.random(in: 0..<running.count, using: &random)
            running[index].step(&random)
            if running[index].isDone { running.swapAt(index, running.count - 1) }
            if running.last!.isDone { running.removeLast() }
        }
        for talk in talks {
            let up = talk.pair.server.takePlaintext() == talk.up
            let down = talk.pair.client.takePlaintext() == talk.down
            #expect(up && down, "seed \(seed), connection \(talk.number)")
        }
    }

    @Test func `an engine that fails takes no other with it`() throws {
        let loop = TLSLoop()
        let healthy = try Shared.pair(.tls13, loop: loop)
        for at in 0..<60 {
            let broken = try Shared.pair(at.isMultiple(of: 2) ? .tls12 : .tls13, loop: loop)
            broken.client.send(pattern(40))
            var bytes = broken.client.takeSending()
            bytes[at] ^= 0x40
            // The first half of a record of the healthy one, then the broken one, then the rest.
            healthy.client.send([UInt8(at)])
            let good = healthy.client.takeSending()
            healthy.server.receive(good.prefix(9))
            broken.server.receive(bytes + [UInt8](repeating: 0, count: 32_768))
            #expect(broken.server.error != nil)
            healthy.server.receive(good.dropFirst(9))
            #expect(healthy.server.isOpen)
        }
        #expect(healthy.server.takePlaintext() == (0..<60).map { UInt8($0) })
    }

    @Test func `an engine may go away in the middle of its handshake`() throws {
        let loop = TLSLoop()
        let first = try Pair(server: Shared.server, client: Shared.client, loop: loop)
        do {
            let second = try Pair(server: Shared.server, client: Shared.client, loop: loop)
            second.server.receive(second.client.takeSending(100))
            let third = try Pair(server: Shared.server, client: Shared.client, loop: loop)
            third.deliver(from: third.client, to: third.server)
        }
        first.exchange()
        #expect(first.server.isOpen)
    }
}

/// One connection that shakes hands and then sends some messages each way.
private final class Talk {
    let number: Int
    let pair: Pair
    private(set) var up: [UInt8] = []
    private(set) var down: [UInt8] = []
    private var messagesLeft = 6

    init(number: Int, loop: TLSLoop) throws {
        self.number = number
        let version: TLSVersion = number.isMultiple(of: 2) ? .tls12 : .tls13
        pair = try Pair(server: Shared.server, client: Shared.client(version), loop: loop)
    }

    var isDone: Bool {
        messagesLeft == 0 && pair.client.sending.isEmpty && pair.server.sending.isEmpty
    }

    /// Sends a message, or delivers some of what is under way, one way or the other.
    func step(_ random: inout Seeded) {
        let upward = Bool.random(using: &random)
        let (from, to) = upward ? (pair.client, pair.server) : (pair.server, pair.client)
        if from.sending.isEmpty {
            guard messagesLeft > 0, from.engine.isHandshakeDone else { return }
            let message = pattern(Int.random(in: 1...3_000, using: &random), seed: random.next())
            if upward { up += message } else { down += message }
            messagesLeft -= 1
            from.send(message)
        } else {
            to.receive(from.takeSending(Int.random(in: 1...2_000, using: &random)))
        }
    }
}
