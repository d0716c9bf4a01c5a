// Two engines that talk through memory, and the bytes between them in the open.

import Bytes

@testable import TLS

/// One end of a connection, with what it was told and what it wants to send.
final class End {
    let engine: TLSEngine
    let loop: TLSLoop
    let plaintext = ByteBuffer()
    /// Ciphertext written and not yet delivered.
    var sending: [UInt8] = []
    var outcome = TLSOutcome.open(handshakeDone: false)

    init(_ engine: TLSEngine, _ loop: TLSLoop) {
        self.engine = engine
        self.loop = loop
    }

    /// Takes ciphertext in one call, and what it wants to answer out of the loop.
    func receive(_ bytes: some Collection<UInt8>) {
        Array(bytes).withUnsafeBytes { outcome = engine.receive($0, plaintext: plaintext) }
        precondition(loop.inputCount == 0, "input left in the shared BIO")
        collect()
    }

    func send(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            do { try engine.send(bytes) } catch { fatalError("\(error)") }
        }
        collect()
    }

    func startClose() {
        engine.startClose()
        collect()
    }

    func collect() {
        sending += loop.outgoing.array()
        loop.outgoing.removeAll()
    }

    /// The first `count` bytes still to deliver.
    func takeSending(_ count: Int = .max) -> [UInt8] {
        let taken = Array(sending.prefix(count))
        sending.removeFirst(taken.count)
        return taken
    }

    func takePlaintext() -> [UInt8] {
        let taken = plaintext.array()
        plaintext.removeAll()
        return taken
    }

    var isOpen: Bool { outcome == .open(handshakeDone: true) }

    var error: TLSError? {
        guard case .failed(let error) = outcome else { return nil }
        return error
    }
}

final class Pair {
    let client: End
    let server: End

    /// - Parameter loop: shared by both ends; one each if none is given.
    init(
        server: TLSContext, client: TLSContext, name: String = "localhost",
        loop: TLSLoop? = nil, resuming session: TLSSession? = nil
    ) throws {
        let serverLoop = loop ?? TLSLoop()
        let clientLoop = loop ?? TLSLoop()
        self.server = End(
            try TLSEngine(context: server, loop: serverLoop, role: .server), serverLoop)
        self.client = End(
            try TLSEngine(
                context: client, loop: clientLoop, role: .client(serverName: name),
                resuming: session),
            clientLoop)
        self.client.engine.start()
        self.client.collect()
    }

    /// Delivers all there is, both ways, `chunk` bytes a call, until both are silent or one failed.
    func exchange(chunk: Int = 65_536) {
        while !client.sending.isEmpty || !server.sending.isEmpty {
            deliver(from: client, to: server, chunk: chunk)
            deliver(from: server, to: client, chunk: chunk)
        }
    }

    func deliver(from: End, to: End, chunk: Int = 65_536) {
        let bytes = from.takeSending()
        var at = 0
        while at < bytes.count, to.error == nil {
            let end = min(at + chunk, bytes.count)
            to.receive(bytes[at..<end])
            at = end
        }
    }
}

/// Contexts that many tests use and none changes.
enum Shared {
    static let server = try! TLSContext.selfSigned()
    static let client = try! TLSContext.client(
        trust: .certificate(server.certificate!.pem), alpn: ["http/1.1"])
    static let client12 = try! TLSContext.client(
        trust: .certificate(server.certificate!.pem), alpn: ["http/1.1"],
        versions: .tls12 ... .tls12)

    static func client(_ version: TLSVersion) -> TLSContext {
        switch version {
        case .tls12: client12
        case .tls13: client
        }
    }

    /// A connection with its handshake behind it.
    static func pair(_ version: TLSVersion, loop: TLSLoop? = nil) throws -> Pair {
        let pair = try Pair(server: server, client: client(version), loop: loop)
        pair.exchange()
        precondition(pair.client.isOpen && pair.server.isOpen, "no handshake")
        return pair
    }
}

/// Bytes that differ by position and by `seed`, so that a mix-up shows.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = Seeded(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) }
}

/// SplitMix64: the same numbers for the same seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
