import Glibc
import Loops
import Testing

@testable import Gateway

/// Two servers in one process, one after the other. With real processes: `test_restart.py`.
@Suite struct HandoverTests {
    /// A path in a fresh directory.
    private func withPath(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/gateway-test-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { rmdir(directory) }
        try body(directory + "/h")
    }

    private func server(_ path: String, loops: Int = 2, _ more: [String] = []) -> Server {
        var configuration = ServerConfiguration()
        configuration.listen = ["127.0.0.1:0"] + more
        configuration.loops = loops
        configuration.handover = path
        return Server(configuration)
    }

    @Test(arguments: [(1, 1), (2, 2), (1, 4), (4, 1), (3, 2)])
    func `a server takes over the sockets of one with as many loops, or more, or fewer`(
        _ first: Int, _ second: Int
    ) throws {
        try withPath { path in
            let before = server(path, loops: first)
            try before.start()
            #expect(!before.isSuccessor)
            let after = server(path, loops: second)
            try after.start()
            #expect(after.isSuccessor)
            #expect(after.addresses == before.addresses)
            // It ends without being told by anybody else.
            before.wait()
            after.stop()
            after.wait()
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test func `a server that was stopped has no successor`() throws {
        try withPath { path in
            let before = server(path)
            try before.start()
            before.stop()
            before.wait()
            let after = server(path)
            try after.start()
            #expect(!after.isSuccessor)
            after.stop()
            after.wait()
        }
    }

    @Test func `a server that can't start takes nothing over`() throws {
        try withPath { path in
            let before = server(path)
            try before.start()
            #expect(throws: ServerError.self) { try server(path, ["unix:/nowhere/s"]).start() }
            let after = server(path)
            try after.start()
            #expect(after.isSuccessor)
            before.wait()
            after.stop()
            after.wait()
        }
    }

    // MARK: - Dealing sockets out

    private func sockets(_ count: Int) throws -> [ListeningSocket] {
        let first = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
        let all = [first] + (try (1..<max(count, 1)).map { _ in try first.sibling() })
        return all.map { ListeningSocket(listener: $0, isTLS: false, asked: "a") }
    }

    @Test(arguments: [(1, 1), (1, 4), (2, 4), (4, 2), (5, 2)])
    func `each loop has a socket and each socket a loop`(_ given: Int, _ loops: Int) throws {
        for outlive in [true, false] {
            let group = try sockets(given)
            var sockets = Sockets(loops: loops)
            if outlive {
                try sockets.add(group, ListenerKind())
            } else {
                let address = "\(group[0].listener.address)"
                try sockets.open(address, ListenerKind(), offered: group, exclusive: true)
            }
            #expect(sockets.perLoop.allSatisfy { !$0.isEmpty })
            let dealt = sockets.perLoop.flatMap { $0.map(\.0) }
            #expect(dealt.count == max(given, loops))
            for one in group { #expect(dealt.contains { $0 === one.listener }) }
            // Sockets that outlive the process get no siblings, whose queues would not.
            #expect(sockets.all.count == (outlive ? given : max(given, loops)))
            #expect(sockets.addresses == [group[0].url])
        }
    }

    @Test func `a socket of the other kind is not taken`() throws {
        let group = try sockets(1).map {
            ListeningSocket(listener: $0.listener, isTLS: true, asked: $0.asked)
        }
        var sockets = Sockets(loops: 1)
        #expect(throws: ServerError.self) {
            try sockets.open(
                "\(group[0].listener.address)", ListenerKind(), offered: group, exclusive: true)
        }
    }
}
