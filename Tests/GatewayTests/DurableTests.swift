import Foundation
import Gateway
import Testing

/// Starting with a durable history. What survives a kill is tested in `Tests/Clients`.
@Suite struct DurableTests {
    private func configuration(_ path: String?, _ durability: NamespaceConfiguration.Durability?)
        -> ServerConfiguration
    {
        var configuration = ServerConfiguration()
        configuration.listen = ["127.0.0.1:0"]
        configuration.loops = 2
        configuration.durablePath = path
        if let durability {
            var namespace = NamespaceConfiguration(name: "d")
            namespace.durability = durability
            configuration.namespaces = [namespace]
        }
        return configuration
    }

    private func refusal(_ configuration: ServerConfiguration) -> String? {
        let server = Server(configuration)
        do {
            try server.start()
        } catch {
            return error.description
        }
        server.stop()
        server.wait()
        return nil
    }

    private func withFile(_ body: (String) throws -> Void) rethrows {
        let path = NSTemporaryDirectory() + "carillon-durable-\(UUID().uuidString)"
        defer {
            for end in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + end)
            }
        }
        try body(path)
    }

    @Test(arguments: [.fsync, .interval] as [NamespaceConfiguration.Durability])
    func `a durable namespace needs a file, and starts with one, again and again`(
        durability: NamespaceConfiguration.Durability
    ) {
        #expect(refusal(configuration(nil, durability))?.contains("--durable-path") == true)
        withFile { path in
            for _ in 0..<3 { #expect(refusal(configuration(path, durability)) == nil) }
            #expect(FileManager.default.fileExists(atPath: path))
            // A clean end leaves one file.
            #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
        }
    }

    @Test(arguments: [nil, .memory] as [NamespaceConfiguration.Durability?])
    func `a file without a durable namespace is a mistake`(
        durability: NamespaceConfiguration.Durability?
    ) {
        withFile { path in
            #expect(
                refusal(configuration(path, durability))?.contains("no namespace is durable")
                    == true)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func `a durable history is not handed over to a running successor`() {
        withFile { path in
            var configuration = configuration(path, .fsync)
            configuration.handover = path + ".socket"
            #expect(refusal(configuration)?.contains("handover") == true)
        }
    }

    @Test func `a file that another server has is refused, until that one has ended`() throws {
        try withFile { path in
            let first = Server(configuration(path, .fsync))
            try first.start()
            #expect(refusal(configuration(path, .fsync))?.contains("in use") == true)
            first.stop()
            first.wait()
            #expect(refusal(configuration(path, .fsync)) == nil)
        }
    }

    @Test func `a file of something else is refused by its name`() throws {
        try withFile { path in
            try Data("no history\n".utf8).write(to: URL(filePath: path))
            #expect(refusal(configuration(path, .fsync))?.contains(path) == true)
        }
    }

    @Test(arguments: [(512 << 20, true), (512 << 20 + 1, false)])
    func `with a durable history a message has at most 512 MiB`(limit: Int, isPossible: Bool) {
        withFile { path in
            var configuration = configuration(path, .fsync)
            configuration.messageBytesMax = limit
            #expect((refusal(configuration) == nil) == isPossible)
        }
    }

    @Test(arguments: [1, 256]) func `the log's reader comes on top of any number of loops`(
        loops: Int
    ) {
        withFile { path in
            var configuration = configuration(path, .fsync)
            configuration.loops = loops
            #expect(refusal(configuration) == nil)
        }
    }
}
