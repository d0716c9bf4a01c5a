import Glibc
import Testing

@testable import Loops

@Suite struct ListenerUnixTests {
    @Test func `the file goes with the last of the listeners on it`() throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            try withLoop { firstLoop, _ in
                let secondLoop = try Loop()
                try {
                    let first = try Listener.unix(path: path)
                    #expect(first.address == .unix(path: path))
                    #expect(first.port == 0)
                    try secondLoop.listen(try first.sibling(), tag: 0)
                    try firstLoop.listen(first, tag: 0)
                }()
                secondLoop.close()
                #expect(fileExists(path))
                firstLoop.stopListening(tag: 0)
                firstLoop.turn(block: false)
                #expect(!fileExists(path))
            }
        }
    }

    @Test(arguments: [UInt32(0o600), 0o660, 0o666, 0o777])
    func `the file has the permissions asked for`(permissions: UInt32) throws {
        try withDirectory { directory in
            let listener = try Listener.unix(path: "\(directory)/s", permissions: permissions)
            var status = stat()
            try #require(stat("\(directory)/s", &status) == 0)
            #expect(status.st_mode & 0o7777 == permissions)
            withExtendedLifetime(listener) {}
        }
    }

    @Test func `a file that a dead process left is replaced`() throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            let address = try SocketAddress(path: path)
            let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            #expect(address.withSockaddr { bind(dead, $0, $1) } == 0)
            #expect(listen(dead, 1) == 0)
            close(dead)
            #expect(fileExists(path))
            let listener = try Listener.unix(path: path)
            _ = try Client.unix(path)
            withExtendedLifetime(listener) {}
        }
    }

    @Test func `a socket on which somebody answers is left alone`() throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            let listener = try Listener.unix(path: path)
            #expect(throws: LoopError.bindRefused(address: "unix:\(path)", code: -EADDRINUSE)) {
                try Listener.unix(path: path)
            }
            #expect(fileExists(path))
            withExtendedLifetime(listener) {}
        }
    }

    @Test func `a file that is no socket is left alone`() throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            close(open(path, O_CREAT | O_WRONLY, 0o600))
            #expect(throws: LoopError.pathNotSocket(path: path)) { try Listener.unix(path: path) }
            #expect(fileExists(path))
            unlink(path)
        }
    }

    @Test func `another's socket in the place of ours is not unlinked`() throws {
        try withDirectory { directory in
            let path = "\(directory)/s"
            var ours: Listener? = try Listener.unix(path: path)
            unlink(path)
            let theirs = try Listener.unix(path: path)
            ours = nil
            #expect(ours == nil)
            #expect(fileExists(path))
            withExtendedLifetime(theirs) {}
        }
    }

    @Test func `a directory that is not there is refused`() {
        let path = "/tmp/loops-no-such-directory/s"
        #expect(throws: LoopError.bindRefused(address: "unix:\(path)", code: -ENOENT)) {
            try Listener.unix(path: path)
        }
    }
}
