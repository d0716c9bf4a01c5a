// What can go wrong before bytes flow: making loops, sockets and threads. Failures of a running
// stream are not errors of this kind: reading and writing it give their codes.

private import CLibuv

/// A failed step, and the code it failed with: a negative `errno` as libuv writes it.
package enum LoopError: Error, Equatable, CustomStringConvertible {
    case loopNotMade(code: Int32)
    case threadNotMade(code: Int32)
    case signalNotWatched(number: Int32, code: Int32)
    /// `getaddrinfo` knows no address for the name; the reason in its own words.
    case hostUnknown(host: String, reason: String)
    case socketNotMade(address: String, code: Int32)
    case bindRefused(address: String, code: Int32)
    case listenRefused(address: String, code: Int32)
    /// The listener was given to a loop before; it can be given once.
    case listenerTaken(address: String)
    /// A Unix socket's path is empty or longer than `sockaddr_un` holds (107 bytes).
    case pathLength(path: String, bytesMax: Int)
    /// Something that is no socket lies where the socket should be; it is left alone.
    case pathNotSocket(path: String)
    /// A descriptor that another process passed on is no listening stream socket.
    case notListening(descriptor: Int32)
    case pipeNotMade(code: Int32)

    package var description: String {
        switch self {
        case .loopNotMade(let code): "cannot make an event loop: \(describe(code: code))"
        case .threadNotMade(let code): "cannot start a thread: \(describe(code: code))"
        case .signalNotWatched(let number, let code):
            "cannot watch signal \(number): \(describe(code: code))"
        case .hostUnknown(let host, let reason): "no address for host \(host): \(reason)"
        case .socketNotMade(let address, let code):
            "cannot make a socket for \(address): \(describe(code: code))"
        case .bindRefused(let address, let code):
            "cannot bind \(address): \(describe(code: code))"
        case .listenRefused(let address, let code):
            "cannot listen on \(address): \(describe(code: code))"
        case .listenerTaken(let address): "the listener for \(address) already has a loop"
        case .pathLength(let path, let bytesMax):
            "a socket's path has 1 to \(bytesMax) bytes: \(path)"
        case .pathNotSocket(let path): "\(path) exists and is not a socket"
        case .notListening(let descriptor):
            "descriptor \(descriptor) is not a listening TCP or Unix stream socket"
        case .pipeNotMade(let code): "cannot make a pipe: \(describe(code: code))"
        }
    }
}

/// An error code in words, "address already in use (EADDRINUSE)". Any thread.
///
/// - Parameter code: a negative `errno` or another code of libuv's; 0 is "no error".
package func describe(code: Int32) -> String {
    guard code != 0 else { return "no error" }
    var words = [CChar](repeating: 0, count: 128)
    var name = [CChar](repeating: 0, count: 64)
    // The `_r` forms write into our memory: libuv leaks a string for codes it does not know.
    uv_strerror_r(code, &words, words.count)
    uv_err_name_r(code, &name, name.count)
    return "\(text(words)) (\(text(name)))"
}

/// The characters before the terminating zero.
func text(_ characters: [CChar]) -> String {
    let bytes = characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
}
