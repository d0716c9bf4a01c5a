// What each way to publish costs, with nobody there to hear it.

internal import Hub
internal import Ring

/// A channel keeps its last hundred messages, and drops them by the hundred.
private let fillingHistory = 300
/// Messages of a batch.
private let lines = 100
private let key = "0123456789abcdef0123456789abcdef"

/// One way to publish.
private struct Shape {
    var name: String
    var messages = 1
    /// The publisher is told each message's id.
    var isAnswered = true
    var loops = 1
    /// What the publisher sends first.
    var opening: [UInt8] = []
    /// What publishes, in as many pieces as come at a time; other bytes for each number.
    var input: @Sendable (_ number: Int) -> [[UInt8]]
}

extension Workload {
    static let publishing = (sockets + requests).map(publish)

    private static let sockets: [Shape] = [
        Shape(
            name: "websocket", isAnswered: false, opening: Transport.websocket.request("news")
        ) { _ in [frame(payload(128))] },
        command("command", #""data":{"text":"Hi","n":1}"#, isAnswered: false),
        command("command-text", #""data":"Ein \"Glockenspiel\"\n","ref":7"#),
        command("command-binary", #""data":{"base64":"Y2FyaWxsb24gYmVsbHMhIQ=="},"ref":7"#),
        Shape(
            name: "command-deflated",
            opening: handshake(
                "/connect",
                fields: speaksV1 + "Sec-WebSocket-Extensions: permessage-deflate\r\n")
        ) { _ in
            [deflatedFrame(Array(#"{"op":"publish","channel":"chat","data":[1],"ref":7}"#.utf8))]
        },
        Shape(name: "command-options", opening: handshake("/connect", fields: speaksV1)) { number in
            let text =
                #"{"op":"publish","channel":"chat","data":[1],"ref":7,"event":"edited","ttl":60,"#
                + #""key":"key \#(number)","version":\#(number),"exclude":"\#(key)"}"#
            return [frame(Array(text.utf8))]
        },
    ]

    private static func command(
        _ name: String, _ members: String, isAnswered: Bool = true
    ) -> Shape {
        let bytes = frame(Array(#"{"op":"publish","channel":"chat",\#(members)}"#.utf8))
        return Shape(
            name: name, isAnswered: isAnswered, opening: handshake("/connect", fields: speaksV1)
        ) { _ in [bytes] }
    }

    private static let requests: [Shape] = [
        Shape(name: "http") { _ in [post("/channels/news", payload(128))] },
        Shape(name: "http-json") { _ in
            [
                post(
                    "/channels/chat%3A7", Array(#"{"text":"Hi","n":1}"#.utf8),
                    type: "application/json; charset=utf-8",
                    fields: "Authorization: Bearer \(key)\r\n")
            ]
        },
        Shape(name: "http-options") { number in
            [
                post(
                    "/channels/news?event=edited&ttl=60&version=\(number)", payload(128),
                    fields: "Idempotency-Key: \"key \(number)\"\r\nCarillon-Exclude: \(key)\r\n")
            ]
        },
        Shape(name: "http-origin") { _ in
            [
                post(
                    "/channels/news", payload(128), fields: "Origin: https://news.example\r\n")
            ]
        },
        // As many clients send a request: its head, then its body.
        Shape(name: "http-pieces") { _ in
            let request = post("/channels/news", payload(128))
            return [Array(request.dropLast(128)), Array(request.suffix(128))]
        },
        // Of a channel that lives on another loop, and that nobody follows.
        Shape(name: "http-elsewhere", loops: 2) { _ in
            [post("/channels/\(elsewhere)", payload(128))]
        },
        batch("batch", #"{"channel":"chat","data":{"text":"Hi","n":1}}"#),
        batch("batch-text", #"{"channel":"chat","data":"Ein Glockenspiel","event":"edited"}"#),
    ]

    private static func batch(_ name: String, _ line: String) -> Shape {
        let body = Array(String(repeating: line + "\n", count: lines).utf8)
        return Shape(name: name, messages: lines) { _ in [post("/publish", body)] }
    }

    /// A channel whose home is the second of two loops.
    private static let elsewhere: String = {
        let settings = Crowd(loops: 2).settings
        return (0...).lazy.map { "news-\($0)" }.first { name in
            settings.home(of: ChannelName(Array(name.utf8), key: settings.hashKey)) == 1
        }!
    }()

    private static func publish(_ shape: Shape) -> Workload {
        Workload(
            "publish/\(shape.name)", per: "publish", shape.messages, warmUps: fillingHistory
        ) {
            let crowd = Crowd(loops: shape.loops) { settings in
                settings.access.apiKeys = [Array(key.utf8)]
                settings.access.allowedOrigins = ["https://news.example"]
            }
            let publisher = crowd.open()
            if !shape.opening.isEmpty { crowd.send(publisher, shape.opening) }
            crowd.settle()
            var number = 0
            var pieces: [[UInt8]] = []
            return Steps(
                prepare: {
                    number += 1
                    pieces = shape.input(number)
                },
                run: {
                    let (before, writes) = (crowd.shared.ring.published, crowd.writes)
                    for piece in pieces { crowd.send(publisher, piece) }
                    for index in 0..<shape.loops { crowd.turn(index) }
                    let published = crowd.shared.ring.published - before
                    precondition(published == UInt64(shape.messages), "\(published)")
                    precondition(crowd.writes == writes + (shape.isAnswered ? 1 : 0))
                })
        }
    }
}
