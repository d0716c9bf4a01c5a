// The gateway that ran before, as its successor sees it.

internal import Loops

/// A running gateway that offers its sockets. Once this object is dropped without
/// ``takeOver(_:)``, the other goes on as if nothing had been.
final class Predecessor {
    /// How long it may take with each word, milliseconds.
    private static let millisecondsMax = 10_000

    let sockets: [ListeningSocket]
    private let socket: PacketSocket

    private init(_ socket: PacketSocket, _ sockets: [ListeningSocket]) {
        self.socket = socket
        self.sockets = sockets
    }

    /// Asks the gateway that listens at `path` for its sockets.
    ///
    /// - Returns: nil when nobody listens there.
    static func find(_ path: String) throws(ServerError) -> Predecessor? {
        do {
            guard let socket = try PacketSocket.connect(path: path, stop: try StopPipe()) else {
                return nil
            }
            guard socket.isPeerTrusted else {
                throw ServerError("the process that listens at \(path) is another user's")
            }
            return Predecessor(socket, try receive(socket, path))
        } catch let error as ServerError {
            throw error
        } catch {
            throw ServerError("can't ask for the sockets at \(path): \(error)")
        }
    }

    private static func receive(
        _ socket: PacketSocket, _ path: String
    ) throws(ServerError) -> [ListeningSocket] {
        let hello = HandoverMessage.hello(version: HandoverMessage.version)
        guard socket.send(hello.bytes, milliseconds: millisecondsMax) else {
            throw ServerError("the gateway at \(path) hung up; is it stopping?")
        }
        var sockets: [ListeningSocket] = []
        while sockets.count <= HandoverMessage.socketsMax {
            switch socket.receive(milliseconds: millisecondsMax) {
            case .packet(let bytes, let descriptor):
                switch (HandoverMessage(bytes), descriptor) {
                case (.socket(let isTLS, let ownsFile, let asked), let descriptor?):
                    sockets.append(
                        try ListeningSocket(
                            descriptor, isTLS: isTLS, ownsFile: ownsFile, asked: asked, path))
                case (.end(let count), nil) where count == sockets.count: return sockets
                default: throw ServerError("the process at \(path) is no gateway of this kind")
                }
            case .ended: throw ServerError("the gateway at \(path) hung up; is it stopping?")
            case .timedOut, .stopped: throw ServerError("the gateway at \(path) does not answer")
            case .malformed: throw ServerError("the process at \(path) is no gateway of this kind")
            }
        }
        throw ServerError("the gateway at \(path) has too many sockets")
    }

    /// Tells it that `used` of its sockets are being served, so that it drains. Returns once it
    /// does, or is gone.
    func takeOver(_ used: [ListeningSocket]) {
        let isSent = socket.send(HandoverMessage.serving.bytes, milliseconds: Self.millisecondsMax)
        for socket in used where socket.ownsFile { socket.listener.setOwnsFile(true) }
        if isSent { _ = socket.receive(milliseconds: Self.millisecondsMax) }
    }
}

extension ListeningSocket {
    /// A socket that came in a packet.
    fileprivate init(
        _ descriptor: OwnedDescriptor, isTLS: Bool, ownsFile: Bool, asked: String, _ path: String
    ) throws(ServerError) {
        do throws(LoopError) {
            let listener = try Listener.adopting(descriptor, ownsFile: ownsFile)
            // Not before the other has let go of it.
            listener.setOwnsFile(false)
            self.init(listener: listener, isTLS: isTLS, asked: asked, ownsFile: ownsFile)
        } catch {
            throw ServerError("the gateway at \(path) passed on what can't be used: \(error)")
        }
    }
}
