// Where a server listens: the sockets it opened itself, those that another process passed on, and
// which loop accepts from which.

internal import Loops
internal import TLS

/// One listening socket, with what a server knows of it.
struct ListeningSocket: Sendable {
    let listener: Listener
    let isTLS: Bool
    /// The text that the server was asked to listen on.
    let asked: String
    /// A Unix socket's file is the server's to unlink.
    var ownsFile = true

    var scheme: String { isTLS ? "https" : "http" }

    /// `http://127.0.0.1:8080`, `http+unix:/run/gateway`
    var url: String {
        switch listener.address {
        case .tcp: "\(scheme)://\(listener.address)"
        case .unix: "\(scheme)+\(listener.address)"
        }
    }
}

/// All sockets of one server.
struct Sockets {
    /// What each loop is to listen on.
    private(set) var perLoop: [[(Listener, tag: Int)]]
    private(set) var kinds: [ListenerKind] = []
    /// As URLs, each once.
    private(set) var addresses: [String] = []
    /// Each socket once, however many loops share it.
    private(set) var all: [ListeningSocket] = []

    init(loops: Int) { perLoop = Array(repeating: [], count: loops) }

    /// Opens what a text of the configuration names, as far as nobody offers it.
    ///
    /// - Parameters:
    ///   - offered: a predecessor's sockets.
    ///   - exclusive: refuses a port on which another process listens.
    mutating func open(
        _ text: String, _ kind: ListenerKind, offered: [ListeningSocket], exclusive: Bool
    ) throws(ServerError) {
        let isTLS = kind.tls != nil
        do {
            let address = try ListenAddress.parse(text)
            // A port of the kernel's choice is found again by what was asked for.
            let fitting = offered.filter {
                $0.isTLS == isTLS && (address.hasPort || $0.asked == text)
            }
            let found = try Listener.open(
                address, offered: fitting.map(\.listener), exclusive: exclusive)
            for group in found {
                let sockets = group.map { listener in
                    let given = fitting.first { $0.listener === listener }
                    return ListeningSocket(
                        listener: listener, isTLS: isTLS, asked: text,
                        ownsFile: given?.ownsFile ?? true)
                }
                try share(sockets, kind, siblings: true)
            }
        } catch {
            throw ServerError("can't listen on \(text): \(error)")
        }
    }

    /// Takes sockets of one address that the service manager holds open.
    mutating func add(_ group: [ListeningSocket], _ kind: ListenerKind) throws(ServerError) {
        do throws(LoopError) {
            try share(group, kind, siblings: false)
        } catch {
            throw ServerError("can't listen on \(group[0].asked): \(error)")
        }
    }

    /// Deals the sockets of one address out among the loops, so that each loop has one and no
    /// socket is without a loop.
    ///
    /// - Parameter siblings: a loop too many binds a socket of its own, where it can. What waits in
    ///   that one is lost with this process, so it is not for sockets that outlive the process.
    private mutating func share(
        _ group: [ListeningSocket], _ kind: ListenerKind, siblings: Bool
    ) throws(LoopError) {
        let tag = kinds.count
        kinds.append(kind)
        addresses.append(group[0].url)
        all += group
        for index in 0..<max(group.count, perLoop.count) {
            let listener: Listener
            if index < group.count {
                listener = group[index].listener
            } else if siblings, group[0].listener.mayHaveSiblings {
                listener = try group[0].listener.sibling()
                all.append(
                    ListeningSocket(
                        listener: listener, isTLS: group[0].isTLS, asked: group[0].asked))
            } else {
                listener = try group[index % group.count].listener.duplicate()
            }
            perLoop[index % perLoop.count].append((listener, tag))
        }
    }
}

extension ListenAddress {
    /// Not a TCP address whose port the kernel is to choose.
    fileprivate var hasPort: Bool {
        switch self {
        case .tcp(_, let port): port != 0
        case .unix: true
        }
    }
}
