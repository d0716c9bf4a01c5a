@testable import Gateway
import Testing

/// What the hub is told.
@Suite struct NamespaceConfigurationTests {
    private func resolved(
        _ arguments: [String], _ change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> Namespaces {
        var configuration = ServerConfiguration()
        configuration.namespaces = try arguments.map { try NamespaceConfiguration(argument: $0) }
        change(&configuration)
        return try configuration.resolvedNamespaces()
    }

    private func named(_ name: String, _ namespaces: Namespaces) -> Namespace {
        namespaces[namespaces.index(of: Array("\(name):x".utf8))]
    }

    @Test func `without any, all channels are as the server says`() throws {
        let all = try resolved([]) {
            $0.historyMessagesMax = 7
            $0.historySeconds = 8
        }
        #expect(all.all.count == 1)
        #expect(all.fallback.history == .log && all.fallback.historyMessagesMax == 7)
        #expect(all.fallback.historyMillisecondsMax == 8_000)
        #expect(all.fallback.slowPolicy == .disconnect)
    }

    @Test func `a server that keeps nothing keeps nothing of all that say nothing else`() throws {
        let all = try resolved(["a", "b,history=3"]) { $0.historyMessagesMax = 0 }
        #expect(all.fallback.history == .off)
        #expect(named("a", all).history == .off)
        #expect(named("b", all).history == .log)
    }

    @Test func `what a namespace says holds for it alone, and * for all channels of no other`()
        throws
    {
        let all = try resolved(["chat,history=50,slow=drop-oldest", "*,history=last,slow=latest"])
        #expect(named("chat", all).historyMessagesMax == 50)
        #expect(named("chat", all).slowPolicy == .dropOldest)
        #expect(named("other", all).history == .last)
        #expect(named("other", all).slowPolicy == .latest)
        #expect(all.all.count == 2)
    }

    @Test func `a newest message kept alone has an end only when one is given`() throws {
        let all = try resolved(["a,history=last", "b,history=last,history-seconds=9"])
        #expect(named("a", all).historyMillisecondsMax == .max)
        #expect(named("a", all).historyMessagesMax == 1)
        #expect(named("b", all).historyMillisecondsMax == 9_000)
    }
}
