import Gateway
import Testing

@Suite struct NamespaceArgumentTests {
    private func parse(_ text: String) -> Result<NamespaceConfiguration, ServerError> {
        do throws(ServerError) {
            return .success(try NamespaceConfiguration(argument: text))
        } catch {
            return .failure(error)
        }
    }

    private func parsed(_ text: String) throws -> NamespaceConfiguration { try parse(text).get() }

    private func refusal(_ text: String) -> String? {
        if case .failure(let error) = parse(text) { return error.description }
        return nil
    }

    @Test(arguments: ["chat", "*", "a b", "naïve"])
    func `a name alone leaves every setting as it is`(name: String) throws {
        #expect(try parsed(name) == NamespaceConfiguration(name: name))
    }

    @Test func `every key sets what it names`() throws {
        let chat = try parsed(
            "chat,history=50,history-seconds=60,history-bytes=1M,slow=drop-oldest,"
                + "presence,presence-grace=20,durability=fsync,batch=10ms")
        var expected = NamespaceConfiguration(name: "chat")
        expected.history = .messages(50)
        expected.historySeconds = 60
        expected.historyBytesMax = 1 << 20
        expected.slow = .dropOldest
        expected.presence = true
        expected.presenceGraceSeconds = 20
        expected.durability = .fsync
        expected.batchMilliseconds = 10
        #expect(chat == expected)
    }

    @Test(arguments: [
        ("off", NamespaceConfiguration.History.off), ("last", .last), ("1", .messages(1)),
        ("0", .messages(0)), ("1000000", .messages(1_000_000)),
    ])
    func `history is off, last, or a number`(
        value: String, history: NamespaceConfiguration.History
    ) throws {
        #expect(try parsed("c,history=\(value)").history == history)
    }

    @Test(arguments: [
        ("1", 1), ("65536", 65_536), ("64K", 65_536), ("1M", 1 << 20), ("2G", 2 << 30),
    ])
    func `bytes are a number, with a power of 1,024 behind it or not`(
        value: String, bytes: Int
    ) throws {
        #expect(try parsed("c,history-bytes=\(value)").historyBytesMax == bytes)
    }

    @Test(arguments: NamespaceConfiguration.Slow.allCases)
    func `each policy is named as it is written`(slow: NamespaceConfiguration.Slow) throws {
        #expect(try parsed("c,slow=\(slow.rawValue)").slow == slow)
    }

    @Test(arguments: NamespaceConfiguration.Durability.allCases)
    func `each durability is named as it is written`(
        durability: NamespaceConfiguration.Durability
    ) throws {
        #expect(try parsed("c,durability=\(durability.rawValue)").durability == durability)
    }

    @Test(arguments: [
        ("", "first item is its name"), (",history=1", "first item is its name"),
        ("history=50", "first item is its name"), ("c,", "is no setting; there are history,"),
        ("c,hystory=1", "hystory is no setting; there are history, history-seconds"),
        ("c,history", "history needs a value: off, last, or a number"),
        ("c,history=", "history= is not possible; it is off, last, or a number"),
        ("c,history=all", "history=all is not possible; it is off, last, or a number"),
        ("c,history=-1", "history=-1"), ("c,history=+1", "history=+1"),
        ("c,history=1x", "history=1x"), ("c,history=99999999999999999999", "history=9999"),
        ("c,history-seconds=1m", "history-seconds=1m is not possible; it is a number of seconds"),
        ("c,history-bytes=1T", "such as 65536, 64K or 1M"),
        ("c,history-bytes=M", "such as 65536, 64K or 1M"),
        ("c,history-bytes=9999999999999G", "such as 65536, 64K or 1M"),
        ("c,batch=10", "batch=10 is not possible; it is a time in milliseconds, such as 10ms"),
        ("c,batch=ms", "it is a time in milliseconds"), ("c,batch", "batch needs a value"),
        ("c,slow=fast", "slow=fast is not possible; it is disconnect, drop-oldest, latest"),
        ("c,slow", "slow needs a value: disconnect, drop-oldest, latest"),
        ("c,durability=disk", "it is memory, interval, fsync"),
        ("c,presence=yes", "presence stands alone"), ("c,presence=", "presence stands alone"),
        ("c,presence,presence", "presence is given twice"),
        ("c,history=1,history=2", "history is given twice"),
    ])
    func `what is wrong is named, with what is possible`(argument: String, part: String) {
        #expect(refusal(argument)?.contains(part) == true, "\(refusal(argument) ?? "accepted")")
    }

    // MARK: - When the server starts

    private func startRefusal(_ change: (inout ServerConfiguration) -> Void) -> String? {
        var configuration = ServerConfiguration()
        configuration.listen = ["127.0.0.1:0"]
        configuration.loops = 1
        change(&configuration)
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

    @Test(
        arguments: [
            (["chat,history=1"], nil),
            (["chat,history=0"], "history=0; off, last, or messages from 1"),
            (["chat,history=1000000"], nil), (["chat,history=1000001"], "from 1 to 1000000"),
            (["chat,history-seconds=3162240000"], nil),
            (["chat,history-seconds=3162240001"], "from 0 to 3162240000"),
            (["chat,history-bytes=0"], "from 1 to"), (["chat,presence-grace=3600"], nil),
            (["chat,presence-grace=3601"], "from 0 to 3600"),
            (["chat,batch=100ms"], nil), (["chat,batch=101ms"], "from 0 to 100"),
            (["chat,history=off,durability=interval"], "durability=interval needs a history"),
            (["chat", "news", "*"], nil),
            (["chat", "news", "chat"], "chat: it is configured twice"),
            (["*", "*"], "*: it is configured twice"), (["a:b"], "no colon"),
        ] as [([String], String?)])
    func `what is out of range is refused at the start, by the namespace's name`(
        arguments: [String], part: String?
    ) throws {
        let namespaces = try arguments.map { try parsed($0) }
        let refusal = startRefusal { $0.namespaces = namespaces }
        if let part {
            #expect(refusal?.contains(part) == true, "\(refusal ?? "accepted")")
        } else {
            #expect(refusal == nil)
        }
    }

    @Test(arguments: [(63, true), (64, false)])
    func `63 namespaces and one for all others are possible`(count: Int, isPossible: Bool) {
        let refusal = startRefusal { configuration in
            configuration.namespaces = (0..<count).map { NamespaceConfiguration(name: "n\($0)") }
            configuration.namespaces.append(NamespaceConfiguration(name: "*"))
        }
        #expect((refusal == nil) == isPossible)
        if !isPossible { #expect(refusal?.contains("63 are possible") == true) }
    }

    @Test(arguments: [(1, true), (254, true), (0, false), (255, false)])
    func `a name has 1 to 254 bytes`(count: Int, isPossible: Bool) {
        let name = String(repeating: "n", count: count)
        #expect(
            (startRefusal { $0.namespaces = [NamespaceConfiguration(name: name)] } == nil)
                == isPossible)
    }

    @Test func `a ceiling of backlogs is at least 1 byte, of histories 0`() {
        #expect(startRefusal { $0.backlogBytesTotalMax = 0 } != nil)
        #expect(startRefusal { $0.backlogBytesTotalMax = 1 } == nil)
        #expect(startRefusal { $0.historyBytesTotalMax = -1 } != nil)
        #expect(startRefusal { $0.historyBytesTotalMax = 0 } == nil)
    }
}
