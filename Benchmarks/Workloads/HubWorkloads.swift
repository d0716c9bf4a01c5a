// What a shard's turn costs: delivering, coming and going.

internal import Hub
internal import Ring

/// The subscribers of a fan-out.
private let members = 1_000
/// Those who do more than receive.
private let fewer = 100
/// A channel keeps its last hundred messages, and drops them by the hundred.
private let fillingHistory = 300

extension Workload {
    // MARK: - Delivering

    /// One publish over a WebSocket, whose message goes to all subscribers in one turn.
    static let fanout: [Workload] = Transport.allCases.map { transport in
        let members = transport == .poll ? fewer : members
        return Workload(
            "fanout/\(transport.rawValue)", per: "delivery", members, warmUps: fillingHistory
        ) {
            let crowd = Crowd()
            let publisher = crowd.open(Transport.websocket.request("news"))
            let request = transport.request("news")
            let peers = (0..<members).map { _ in crowd.open(request) }
            crowd.settle()
            let message = frame(payload(128))
            var isFirst = true
            return Steps(
                prepare: {
                    // A poll that was answered comes again.
                    guard transport == .poll, !isFirst else { return }
                    for peer in peers { crowd.send(peer, request) }
                    crowd.turn()
                },
                run: {
                    isFirst = false
                    let writes = crowd.writes
                    crowd.send(publisher, message)
                    crowd.turn()
                    precondition(crowd.writes == writes + members, "\(crowd.writes - writes)")
                })
        }
    }

    // MARK: - Coming and going

    static let arriving: [Workload] = [
        coming("connect/websocket", Transport.websocket.request("news")),
        coming("connect/sse", Transport.sse.request("news")),
        coming("connect/poll", Transport.poll.request("news")),
        coming("connect/idle", []),
        Workload("poll/again", per: "poll", fewer, warmUps: fillingHistory) {
            let crowd = Crowd()
            let publisher = crowd.open(Transport.websocket.request("news"))
            let request = Transport.poll.request("news")
            let peers = (0..<fewer).map { _ in crowd.open(request) }
            crowd.settle()
            let message = frame(payload(128))
            return Steps(
                prepare: {
                    crowd.send(publisher, message)
                    crowd.turn()
                },
                run: {
                    for peer in peers { crowd.send(peer, request) }
                    crowd.turn()
                })
        },
        resume,
        Workload("subscribe/command", per: "pair", fewer) {
            let crowd = Crowd()
            let peers = (0..<fewer).map { _ in
                crowd.open(
                    handshake("/connect", fields: speaksV1))
            }
            crowd.settle()
            let join = frame(Array(#"{"op":"subscribe","channel":"news"}"#.utf8))
            let leave = frame(Array(#"{"op":"unsubscribe","channel":"news"}"#.utf8))
            return Steps {
                for peer in peers { crowd.send(peer, join) }
                for peer in peers { crowd.send(peer, leave) }
                crowd.turn()
            }
        },
    ]

    /// A connection comes, asks, is answered and breaks off.
    private static func coming(_ name: String, _ request: [UInt8]) -> Workload {
        Workload(name, per: "connection") {
            let crowd = Crowd()
            // Others are there, so that the channel stays.
            if !request.isEmpty { for _ in 0..<10 { _ = crowd.open(request) } }
            crowd.settle()
            return Steps {
                let closed = crowd.closed
                let peer = crowd.open()
                if !request.isEmpty { crowd.send(peer, request) }
                crowd.turn()
                crowd.breakOff(peer)
                crowd.turn()
                precondition(crowd.closed == closed + 1)
            }
        }
    }

    /// A client of an event stream comes back and is told the hundred messages that are kept.
    private static let resume = Workload("resume/sse", per: "message", 100) {
        let crowd = Crowd()
        let publisher = crowd.open(Transport.websocket.request("news"))
        let message = frame(payload(128))
        for _ in 0..<100 { crowd.send(publisher, message) }
        crowd.settle()
        let request = get("/channels/news?after=first", accept: "text/event-stream")
        return Steps {
            let bytes = crowd.bytes
            let peer = crowd.open(request)
            crowd.turn()
            crowd.breakOff(peer)
            crowd.turn()
            precondition(crowd.bytes > bytes + 100 * 128)
        }
    }
}
