// One end of a connection, without a socket between.

import Bytes
@testable import Hub
import Testing
import Wire

/// A client as the rim sees it: bytes in, bytes out, and a socket that may take nothing.
final class Client {
    unowned let world: World
    let peer: Peer
    var loop: Int { peer.loop }
    /// All that has arrived here.
    private(set) var output: [UInt8] = []
    /// Where the readers of ``output`` are.
    var cursor = 0
    /// Bytes that the socket takes before it is full; nil: everything.
    var room: Int?
    /// What the rim keeps since the socket is full.
    private(set) var kept: [UInt8] = []
    private(set) var isBlocked = false
    /// The gateway has ended its half, and all before that has arrived.
    private(set) var isEnded = false
    /// The gateway has closed the connection.
    private(set) var isClosed = false
    /// The client has broken the connection.
    private(set) var isGone = false
    /// The next write fails.
    var isBroken = false
    /// The rim does not read.
    var isPaused = false
    /// What arrives of its input in one turn, bytes; nil: all of it, at once.
    var inputBytesPerTurn: Int?
    private var wantsShutdown = false
    private var heldInput: [UInt8] = []
    private var heldEnd = false

    var frames = WebSocketDecoder(role: .client, messageBytesMax: 1 << 24, compression: true)
    var stream = EventStreamParser(eventBytesMax: 1 << 24)

    init(world: World, peer: Peer) {
        self.world = world
        self.peer = peer
    }

    var text: String { String(decoding: output, as: UTF8.self) }

    // MARK: - What the client does

    /// Sends bytes; nothing has a turn yet.
    func feed(_ bytes: [UInt8]) {
        guard !isClosed, !isGone else { return }
        if world.traces { print(peer, "says", String(decoding: bytes, as: UTF8.self)) }
        if isPaused || !heldInput.isEmpty || inputBytesPerTurn != nil {
            heldInput += bytes
        } else {
            world.input(loop) { $0.received(peer, bytes.span) }
        }
    }

    func feed(_ text: String) { feed(Array(text.utf8)) }

    /// Sends bytes and lets everything happen that follows.
    func send(_ bytes: [UInt8]) {
        feed(bytes)
        world.settle()
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Ends the client's half.
    func endInput() {
        guard !isClosed, !isGone else { return }
        if isPaused || hasHeldInput {
            heldEnd = true
        } else {
            world.input(loop) { $0.ended(peer, failed: false) }
        }
    }

    /// Breaks the connection; what is on its way to the client is lost.
    func cut() {
        guard !isClosed, !isGone else { return }
        isGone = true
        world.input(loop) { $0.ended(peer, failed: true) }
    }

    /// The socket takes nothing from now on.
    func block() { room = 0 }

    /// The socket takes everything again.
    func unblock() {
        room = nil
        guard isBlocked, !isClosed else { return }
        isBlocked = false
        arrive(kept)
        kept = []
        if wantsShutdown { isEnded = true }
        guard !isGone else { return }
        world.input(loop) { $0.writable(peer) }
    }

    /// The socket takes `count` bytes more of what the rim keeps, and is as full as before.
    func trickle(_ count: Int) {
        guard isBlocked, !isClosed, count < kept.count else { return unblock() }
        arrive(Array(kept[..<count]))
        kept.removeFirst(count)
        world.input(loop) { $0.progressed(peer, bytes: count) }
    }

    // MARK: - What the rim does

    func write(_ bytes: [UInt8]) {
        if world.traces { print(peer, "takes", String(decoding: bytes, as: UTF8.self)) }
        if isBroken {
            isGone = true
            world.input(loop) { $0.ended(peer, failed: true) }
            return
        }
        if isEnded { Issue.record("\(bytes.count) bytes for \(peer) after its end") }
        if isBlocked {
            kept += bytes
            world.input(loop) { $0.blocked(peer, bytes: bytes.count) }
            return
        }
        let taken = min(room ?? .max, bytes.count)
        if let room { self.room = room - taken }
        arrive(Array(bytes[..<taken]))
        guard taken < bytes.count else { return }
        kept = Array(bytes[taken...])
        isBlocked = true
        world.input(loop) { $0.blocked(peer, bytes: kept.count) }
    }

    private func arrive(_ bytes: [UInt8]) {
        if !isGone { output += bytes }
    }

    func shutdown() {
        if kept.isEmpty { isEnded = true } else { wantsShutdown = true }
    }

    func close() {
        isClosed = true
        kept = []
    }

    /// Whether another turn would read from it.
    var holdsInput: Bool { !isPaused && !isClosed && !isGone && (hasHeldInput || heldEnd) }
    /// Whether something that it has sent was not read yet.
    var hasHeldInput: Bool { !heldInput.isEmpty }

    func deliverHeldInput() {
        guard holdsInput else { return }
        let bytes = Array(heldInput.prefix(inputBytesPerTurn ?? .max))
        heldInput.removeFirst(bytes.count)
        if !bytes.isEmpty { world.input(loop) { $0.received(peer, bytes.span) } }
        if heldEnd, !hasHeldInput {
            heldEnd = false
            world.input(loop) { $0.ended(peer, failed: false) }
        }
    }
}
