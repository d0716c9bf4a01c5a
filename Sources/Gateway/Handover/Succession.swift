// Waiting for the gateway that comes after this one, on a thread of its own.

internal import Loops
internal import Synchronization

/// Offers this server's sockets to whoever connects and may have them. Any thread.
final class Succession: Sendable {
    /// A socket that is shared with the loops.
    struct Offer: Sendable {
        let socket: ListeningSocket
        let descriptor: OwnedDescriptor

        init(_ socket: ListeningSocket) throws(LoopError) {
            self.socket = socket
            descriptor = try socket.listener.share()
        }
    }

    /// For the first word, milliseconds; and for each packet to be taken.
    private static let wordMillisecondsMax = 5_000
    /// From the last socket until it is served, milliseconds.
    private static let servingMillisecondsMax = 60_000

    private let offers: Mutex<[Offer]>
    private let listener = Mutex<PacketListener?>(nil)
    private let thread = Mutex<LoopThread?>(nil)
    private let pipe: StopPipe

    init(_ offers: [Offer]) throws(LoopError) {
        pipe = try StopPipe()
        self.offers = Mutex(offers)
    }

    /// Listens at a path, where a successor will look.
    func open(_ path: String) throws(LoopError) {
        let made = try PacketListener(path: path, stop: pipe)
        listener.withLock { $0 = made }
    }

    /// Begins to wait, after ``open(_:)``.
    ///
    /// - Parameter onTakenOver: called once, on the thread that waits, when a successor serves.
    func start(_ onTakenOver: @escaping @Sendable () -> Void) throws(LoopError) {
        let started = try LoopThread.start(name: "carillon-heir") { [self] in
            wait(onTakenOver)
        }
        thread.withLock { $0 = started }
    }

    /// The server ends by itself: nobody can take it over any more, and its sockets are shared no
    /// longer.
    func stop() {
        pipe.stop()
        offers.withLock { $0 = [] }
    }

    /// Returns when the thread has ended, after ``stop()`` or a takeover.
    func join() {
        thread.withLock { $0.take() }?.join()
    }

    private func wait(_ onTakenOver: () -> Void) {
        var open = listener.withLock { $0.take() }
        while let successor = open?.accept() {
            guard isServing(successor) else { continue }
            // The path is free for the successor's own.
            open = nil
            stop()
            onTakenOver()
            _ = successor.send(
                HandoverMessage.draining.bytes, milliseconds: Self.wordMillisecondsMax)
            return
        }
    }

    /// Talks to one that connected.
    ///
    /// - Returns: whether it has taken over. If not, nothing has changed.
    private func isServing(_ successor: PacketSocket) -> Bool {
        guard successor.isPeerTrusted,
            case .packet(let bytes, nil) = successor.receive(
                milliseconds: Self.wordMillisecondsMax),
            HandoverMessage(bytes) == .hello(version: HandoverMessage.version)
        else { return false }
        let offers = offers.withLock { $0 }
        guard !offers.isEmpty, send(offers, to: successor) else { return false }
        // A file must not go with this process if it ends while the other is about to serve.
        for offer in offers { offer.socket.listener.setOwnsFile(false) }
        switch successor.receive(milliseconds: Self.servingMillisecondsMax) {
        case .packet(let bytes, nil) where HandoverMessage(bytes) == .serving: return true
        case .packet, .ended, .timedOut, .malformed:
            for offer in offers where offer.socket.ownsFile {
                offer.socket.listener.setOwnsFile(true)
            }
            return false
        case .stopped: return false
        }
    }

    private func send(_ offers: [Offer], to successor: PacketSocket) -> Bool {
        for offer in offers {
            let message = HandoverMessage.socket(
                isTLS: offer.socket.isTLS, ownsFile: offer.socket.ownsFile,
                asked: offer.socket.asked)
            guard
                successor.send(
                    message.bytes, offer.descriptor, milliseconds: Self.wordMillisecondsMax)
            else { return false }
        }
        return successor.send(
            HandoverMessage.end(count: offers.count).bytes, milliseconds: Self.wordMillisecondsMax)
    }
}
