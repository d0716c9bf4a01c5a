// What a client is told of others.

import Ring
import Testing
@testable import Hub

enum Notice: Hashable {
    case join(String, String)
    case leave(String, String)
    case list(String, [String: Int], anonymous: Int)

    /// From `{"join":{"channel":C,"user":U}}`, the same with `leave`, or `{"presence":{…}}`.
    init?(_ fields: [String: Any]) {
        guard fields.count == 1, let (name, value) = fields.first,
            let body = value as? [String: Any], let channel = body["channel"] as? String
        else { return nil }
        switch (name, body.count) {
        case ("join", 2): self = .join(channel, body["user"] as? String ?? "")
        case ("leave", 2): self = .leave(channel, body["user"] as? String ?? "")
        case ("presence", 3):
            self.init(list: body)
        default: return nil
        }
    }

    /// From `{"channel":C,"users":{…},"anonymous":N}`.
    init?(list body: [String: Any]) {
        guard let channel = body["channel"] as? String, let users = body["users"] as? [String: Int],
            let anonymous = body["anonymous"] as? Int
        else { return nil }
        self = .list(channel, users, anonymous: anonymous)
    }
}

extension World {
    /// A world where presence is kept on every channel.
    convenience init(
        present loops: Int, ringSlots: Int = 1 << 10, grace: UInt64 = 10_000,
        _ configure: (inout Settings) -> Void = { _ in }
    ) {
        self.init(loops: loops, ringSlots: ringSlots) {
            $0.namespaces.fallback.presence = true
            $0.namespaces.fallback.presenceGraceMilliseconds = grace
            configure(&$0)
        }
    }

    /// What `GET …/presence` says.
    func list(_ channel: String, loop: Int = 0) -> Notice? {
        let client = connect(loop: loop)
        client.send(request("/channels/\(channel)/presence"))
        defer { client.cut() }
        return client.answer().flatMap { Notice(list: $0.json) }
    }

    /// Rosters, users and bytes that all loops keep.
    var kept: [Int] {
        loops.reduce(into: [0, 0, 0]) { sums, loop in
            sums[0] += loop.shard.rosters.count
            sums[1] += loop.shard.rosters.userCount
            sums[2] += loop.shard.rosters.bytes
        }
    }

    /// Letters that say nothing, until a loop's mailbox is full.
    func fillMailbox(of loop: Int) {
        let nobody = Peer(loop: loop, slot: 99, generation: 1)
        while shared.mailboxes[loop].post(.close(nobody, code: 1000, reason: [])) {}
        loops[loop].isAwake = true
    }
}

extension Subscriber {
    /// Breaks the connection, and lets all loops take note.
    func leave() {
        client.cut()
        world.settle()
    }

    /// The notices since `count` of them had come.
    func notices(after count: Int = 0) -> [Notice] {
        collect()
        return notices.dropFirst(count).map(\.notice)
    }
}
