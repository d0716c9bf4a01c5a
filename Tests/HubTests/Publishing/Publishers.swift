// The ways to publish, as tables of tests want them.

import Bytes
import Foundation
@testable import Hub
import Testing
import Wire

/// What a publisher asks, in words that each way puts into its own.
struct Ask {
    var data = "m"
    var event: String?
    var key: String?
    var ttl: String?
    var version: String?
    var exclude: String?
}

/// What a publisher is told, whatever the way.
struct PublishAnswer: Equatable {
    var id: String?
    var skippedAt: String?
    /// The status over HTTP; there, a code stands for a member of a batch only.
    var status: Int?
    var code: String?
    var retryAfter: String?
}

enum Way: CaseIterable, CustomTestStringConvertible {
    case fields, query, batch, command

    var testDescription: String { "\(self)" }
}

/// One who publishes on a connection of its own.
final class TestPublisher {
    let world: World
    let way: Way
    let client: Client
    private var count = 0

    init(_ world: World, _ way: Way, loop: Int = 0) {
        self.world = world
        self.way = way
        client = world.connect(loop: loop)
        guard way == .command else { return }
        client.feed(upgrade("/connect", ["Sec-WebSocket-Protocol: carillon.v1"]))
        world.turn(loop)
        #expect(client.answer()?.status == 101)
    }

    /// Asks; nothing has a turn yet.
    func feed(_ channel: String, _ ask: Ask = Ask()) {
        switch way {
        case .fields:
            var fields: [String] = []
            func add(_ name: String, _ value: String?) {
                if let value { fields.append("\(name): \(value)") }
            }
            add("Carillon-Event", ask.event)
            add("Idempotency-Key", ask.key)
            add("Carillon-TTL", ask.ttl)
            add("Carillon-Version", ask.version)
            add("Carillon-Exclude", ask.exclude)
            client.feed(post("/channels/\(channel)", ask.data, fields))
        case .query:
            var items: [String] = []
            func add(_ name: String, _ value: String?) {
                if let value { items.append("\(name)=\(value)") }
            }
            add("event", ask.event)
            add("ttl", ask.ttl)
            add("version", ask.version)
            add("exclude", ask.exclude)
            let query = items.isEmpty ? "" : "?" + items.joined(separator: "&")
            let fields = ask.key.map { ["Idempotency-Key: \"\($0)\""] } ?? []
            client.feed(post("/channels/\(channel)\(query)", ask.data, fields))
        case .batch:
            client.feed(post("/publish", "{\(members(channel, ask))}\n"))
        case .command:
            count += 1
            client.feed(frame(#"{"op":"publish","ref":\#(count),\#(members(channel, ask))}"#))
        }
    }

    private func members(_ channel: String, _ ask: Ask) -> String {
        var text = #""channel":"\#(channel)","data":"\#(ask.data)""#
        if let event = ask.event { text += #","event":"\#(event)""# }
        if let key = ask.key { text += #","key":"\#(key)""# }
        if let ttl = ask.ttl { text += #","ttl":\#(ttl)"# }
        if let version = ask.version { text += #","version":\#(version)"# }
        if let exclude = ask.exclude { text += #","exclude":"\#(exclude)""# }
        return text
    }

    /// The next answer; nil when there is none yet.
    func told() -> PublishAnswer? {
        if way == .command {
            guard let payload = nextText() else { return nil }
            return PublishAnswer(member: object(Array(payload.utf8)))
        }
        guard let answer = client.answer(to: .post) else { return nil }
        let line = answer.body.split(separator: 0x0A).first.map { Array($0) } ?? []
        var told =
            answer.status == 200 ? PublishAnswer(member: object(line)) : PublishAnswer()
        told.status = answer.status
        told.retryAfter = answer.head.first("Retry-After")
        return told
    }

    private var texts: [String] = []

    private func nextText() -> String? {
        texts += client.texts()
        return texts.isEmpty ? nil : texts.removeFirst()
    }

    /// Asks, lets only this loop have a turn, and gives the answer.
    func ask(_ channel: String, _ ask: Ask = Ask()) -> PublishAnswer? {
        feed(channel, ask)
        world.turn(client.loop)
        return told()
    }
}

extension PublishAnswer {
    fileprivate init(member: [String: Any]) {
        id = member["id"] as? String
        if member["skipped"] as? Bool == true {
            skippedAt = (member["version"] as? NSNumber)?.stringValue
        }
        code = (member["error"] as? [String: Any])?["code"] as? String
    }

    /// The same refusal in the terms of HTTP.
    var refusal: String? {
        if let code { return code }
        return status.flatMap { $0 == 200 ? nil : "\($0)" }
    }
}
