// A server of one thread that answers each connection as its script says, and closes none.

import Glibc

@testable import carillon_bench

final class ScriptedServer {
    let port: UInt16
    private let listener: Int32
    private var thread: JoinableThread?
    private let requests: Requests

    /// - Parameter answers: what each connection is sent once its request's head has come.
    init(_ answers: [[UInt8]]) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, size)
                listen(listener, 16)
                getsockname(listener, $0, &size)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        self.listener = listener
        let requests = Requests()
        self.requests = requests
        thread = try JoinableThread { serve(listener, answers, requests) }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        join()
        for client in requests.sockets { close(client) }
        close(listener)
    }

    private func join() { thread.take()?.join() }

    /// Waits until all connections were answered.
    func requestTexts() -> [String] {
        join()
        return requests.texts
    }
}

/// What the connections asked for; read after the thread has been joined.
private final class Requests: @unchecked Sendable {
    // Written by the thread alone until then.
    var texts: [String] = []
    var sockets: [Int32] = []
}

private func serve(_ listener: Int32, _ answers: [[UInt8]], _ requests: Requests) {
    for answer in answers {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        requests.sockets.append(client)
        requests.texts.append(readHead(client))
        _ = answer.withUnsafeBytes { write(client, $0.baseAddress!, $0.count) }
    }
}

private func readHead(_ client: Int32) -> String {
    var text = ""
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !text.contains("\r\n\r\n") {
        let count = read(client, &chunk, chunk.count)
        guard count > 0 else { return text }
        text += String(decoding: chunk[..<count], as: UTF8.self)
    }
    return text
}
