import Glibc
import Testing

@testable import Loops

@Suite struct ListenerTests {
    @Test func `port 0 becomes a port of the kernel's choice`() throws {
        let listener = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
        #expect(listener.port != 0)
        #expect(listener.address == .tcp(host: "127.0.0.1", port: listener.port))
        #expect("\(listener.address)" == "127.0.0.1:\(listener.port)")
    }

    @Test(arguments: ["localhost", ""])
    func `all addresses of a host share one port`(host: String) throws {
        let listeners = try Listener.tcp(host: host, port: 0)
        let addresses = try SocketAddress.resolve(host: host, port: 0)
        #expect(listeners.count == addresses.count)
        #expect(Set(listeners.map(\.port)).count == 1)
    }

    @Test func `others may share the port, unless it is asked for exclusively`() throws {
        let first = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
        let second = try #require(try Listener.tcp(host: "127.0.0.1", port: first.port).first)
        #expect(second.port == first.port)
        let name = "127.0.0.1:\(first.port)"
        #expect(throws: LoopError.bindRefused(address: name, code: -EADDRINUSE)) {
            try Listener.tcp(host: "127.0.0.1", port: first.port, exclusive: true)
        }
    }

    @Test func `a port is not shared without leave`() throws {
        let first = try #require(
            try Listener.tcp(host: "127.0.0.1", port: 0, reusePort: false).first)
        let name = "127.0.0.1:\(first.port)"
        #expect(throws: LoopError.bindRefused(address: name, code: -EADDRINUSE)) {
            try Listener.tcp(host: "127.0.0.1", port: first.port)
        }
    }

    @Test func `an address of another machine is refused`() throws {
        let name = "192.0.2.1:1"
        #expect(throws: LoopError.bindRefused(address: name, code: -EADDRNOTAVAIL)) {
            try Listener.tcp(host: "192.0.2.1", port: 1)
        }
    }

    @Test func `a listener that no loop took closes its port`() throws {
        var listener = try Listener.tcp(host: "127.0.0.1", port: 0, reusePort: false).first
        let port = try #require(listener).port
        listener = nil
        #expect(try Listener.tcp(host: "127.0.0.1", port: port, exclusive: true).count == 1)
    }

    @Test func `a listener is given to one loop only`() throws {
        try withLoop { loop, _ in
            let listener = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
            try loop.listen(listener, tag: 1)
            let taken = LoopError.listenerTaken(address: "\(listener.address)")
            #expect(throws: taken) { try loop.listen(listener, tag: 2) }
            #expect(throws: taken) { try listener.sibling() }
        }
    }

    @Test func `two loops share the connections of one port`() throws {
        try withLoop { firstLoop, firstRecorder in
            try withLoop { secondLoop, secondRecorder in
                let first = try #require(try Listener.tcp(host: "127.0.0.1", port: 0).first)
                let second = try first.sibling()
                #expect(second.address == first.address)
                try firstLoop.listen(first, tag: 0)
                try secondLoop.listen(second, tag: 0)
                let clients = try (0..<64).map { _ in try Client.tcp(first.port) }
                for _ in 0..<8 {
                    firstLoop.turn(block: false)
                    secondLoop.turn(block: false)
                }
                #expect(firstRecorder.accepted + secondRecorder.accepted == clients.count)
                // By hash of the addresses: that one gets all 64 has a chance of 2 to the -63.
                #expect(firstRecorder.accepted > 0)
                #expect(secondRecorder.accepted > 0)
            }
        }
    }
}
