@testable import Hub
import Testing
import Wire

@Suite struct RouteTests {
    private func route(
        _ path: String, components: [String] = [], hasPage: Bool = false
    ) throws -> Route? {
        let bytes = Array("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        return Route(
            try RequestHead(bytes.span, limits: HTTP1Limits()),
            componentPaths: components.map { Array($0.utf8) }, hasPage: hasPage)
    }

    @Test func `each resource has its path`() throws {
        #expect(try route("/channels/a") == .channel)
        #expect(try route("/channels/") == .channel)
        #expect(try route("/channels/a%2Fmessages") == .channel)
        #expect(try route("/channels/a/messages") == .history)
        #expect(try route("/channels/a/presence?x") == .presence)
        #expect(try route("/connect") == .connect)
        #expect(try route("/publish") == .batch)
        #expect(try route("/channels?name=a") == .channels)
        #expect(try route("/channels") == .channels)
        #expect(try route("/%63hannels/a") == .channel)
    }

    @Test(arguments: [
        "/", "/channel", "/channels/a/b", "/channels/a/messages/", "/connect/", "/Connect",
        "/publish/x",
    ])
    func `everything else has none`(_ path: String) throws {
        #expect(try route(path) == nil)
    }

    @Test func `there is a page only when there is one`() throws {
        #expect(try route("/", hasPage: true) == .page)
        #expect(try route("/") == nil)
    }

    @Test func `a component's path is its own, even one of ours`() throws {
        #expect(try route("/chat", components: ["/x", "/chat"]) == .component(1))
        #expect(try route("/connect", components: ["/connect"]) == .component(0))
        #expect(try route("/chat/", components: ["/chat"]) == nil)
    }
}
