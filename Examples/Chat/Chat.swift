// The tutorial's chat: every message goes to everybody but its sender.

import Gateway
import Glibc

struct Chat: MessageComponent {
    mutating func onOpen(_ peer: Peer, _ request: RequestView, _ out: inout Outbox) {
        out.subscribe(peer, to: "chat")
    }

    mutating func onMessage(_ peer: Peer, _ message: MessageView, _ out: inout Outbox) {
        out.publish(message, to: "chat", except: peer)
    }

    mutating func onError(_ peer: Peer, _ error: PeerError, _ out: inout Outbox) {
        out.close(peer)
    }
}

@main
struct ChatServer {
    static func main() throws {
        var configuration = ServerConfiguration()
        configuration.listen = [CommandLine.arguments.dropFirst().first ?? "127.0.0.1:8081"]
        configuration.page = String(decoding: PackageResources.page_html, as: UTF8.self)
        // So that `/channels/chat` shows the same messages over SSE, long-poll and streaming.
        configuration.anonymousRead = true

        let server = Server(configuration)
        server.attach("/chat") { Chat() }
        try server.start()
        for address in server.addresses { print("Chat on \(address)/") }
        fflush(nil)
        server.waitForSignal()
    }
}
