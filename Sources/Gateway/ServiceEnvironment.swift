// What a service manager tells its services through their environment (sd_notify(3),
// sd_listen_fds(3), sd_watchdog_enabled(3)).

internal import Loops
private import Glibc

/// The environment's part that is about the service manager.
struct ServiceEnvironment: Equatable {
    /// A descriptor that was open when the process began.
    struct Socket: Equatable {
        let descriptor: Int32
        let name: String
        /// By its name: `tls`, `tls-admin`.
        var isTLS: Bool { name.hasPrefix("tls") }
    }

    /// Where it wants to be told how the service is.
    private(set) var notifyTarget: String?
    /// How often it wants to be told that the service lives, milliseconds.
    private(set) var watchdogMilliseconds: Int?
    private(set) var sockets: [Socket] = []

    static let names = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS",
        "LISTEN_FDNAMES",
    ]
    private static let descriptorFirst: Int32 = 3
    private static let socketsMax = 1024

    init() {}

    /// - Parameter processID: what is for another process is left out.
    init(_ variables: [String: String], processID: Int32) {
        notifyTarget = variables["NOTIFY_SOCKET"]
        let watched = variables["WATCHDOG_PID"]
        if watched == nil || watched == "\(processID)",
            let microseconds = variables["WATCHDOG_USEC"].flatMap({ Int($0) }),
            microseconds >= 1_000
        {
            watchdogMilliseconds = microseconds / 1_000
        }
        guard variables["LISTEN_PID"] == "\(processID)",
            let count = variables["LISTEN_FDS"].flatMap({ Int32($0) }),
            (1...Int32(ServiceEnvironment.socketsMax)).contains(count)
        else { return }
        let names = (variables["LISTEN_FDNAMES"] ?? "")
            .split(separator: ":", omittingEmptySubsequences: false)
        sockets = (0..<count).map { index in
            Socket(
                descriptor: ServiceEnvironment.descriptorFirst + index,
                name: Int(index) < names.count ? String(names[Int(index)]) : "")
        }
    }

    /// Reads it and takes it out of the environment: what this process starts is not the service.
    /// Before there are threads.
    static func take() -> ServiceEnvironment {
        var variables: [String: String] = [:]
        for name in names {
            if let value = getenv(name) { variables[name] = String(cString: value) }
            unsetenv(name)
        }
        return ServiceEnvironment(variables, processID: getpid())
    }

    /// The sockets, by address. From here on, they are closed with their last listener.
    func listeningSockets() throws(ServerError) -> [[ListeningSocket]] {
        var groups: [[ListeningSocket]] = []
        for socket in sockets {
            do throws(LoopError) {
                let listener = try Listener.adopting(
                    OwnedDescriptor(socket.descriptor), ownsFile: false)
                let one = ListeningSocket(
                    listener: listener, isTLS: socket.isTLS, asked: "\(listener.address)",
                    ownsFile: false)
                if let index = groups.firstIndex(where: {
                    $0[0].isTLS == one.isTLS && $0[0].listener.address == listener.address
                }) {
                    groups[index].append(one)
                } else {
                    groups.append([one])
                }
            } catch {
                throw ServerError("the service manager passed on what can't be used: \(error)")
            }
        }
        return groups
    }
}
