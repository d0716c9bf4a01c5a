@testable import Hub
import Testing
import Wire

@Suite struct RouteTests {
    private func route(
        _ path: String, query: [(String, String)] = [], components: [String] = [],
        hasPage: Bool = false
    ) -> Route? {
        Route(
            path: Array(path.utf8),
            segments: path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
                .map { Array($0.utf8) },
            query: query.map { QueryItem(name: Array($0.0.utf8), value: Array($0.1.utf8)) },
            componentPaths: components.map { Array($0.utf8) }, hasPage: hasPage)
    }

    @Test func `each resource has its path`() {
        let name = Array("a".utf8)
        #expect(route("/channels/a") == .channels([name]))
        #expect(route("/channels/a/messages") == .history(name))
        #expect(route("/connect") == .connect)
        #expect(route("/publish") == .batch)
        #expect(
            route("/channels", query: [("name", "a"), ("x", "y"), ("name", "a")])
                == .channels([name, name]))
        #expect(route("/channels") == .channels([]))
    }

    @Test(arguments: [
        "/", "/channel", "/channels/a/b", "/channels/a/messages/", "/connect/", "/Connect",
        "/publish/x",
    ])
    func `everything else has none`(_ path: String) {
        #expect(route(path) == nil)
    }

    @Test func `there is a page only when there is one`() {
        #expect(route("/", hasPage: true) == .page)
        #expect(route("/") == nil)
    }

    @Test func `a component's path is its own, even one of ours`() {
        #expect(route("/chat", components: ["/x", "/chat"]) == .component(1))
        #expect(route("/connect", components: ["/connect"]) == .component(0))
        #expect(route("/chat/", components: ["/chat"]) == nil)
    }
}
