// One who follows channels, whatever the transport, and notes what it is told.

@testable import Hub
import Testing
import Wire

enum Transport: CaseIterable, CustomTestStringConvertible {
    case raw, v1, events, lines, poll

    var testDescription: String { "\(self)" }
    /// Whether the messages of this transport carry ids.
    var hasIDs: Bool { self != .raw }
}

/// What a subscriber was told, one thing after the other.
enum Hearing {
    case message(Seen)
    /// Messages are missing here; of which channel, where the transport says it. Of a poll: before
    /// or among those of this answer.
    case gap(channel: String?)
    /// The answer to a `carillon.v1` command.
    case answer([String: Any])
    /// An answer to a poll is over.
    case answerEnd
}

/// A subscription of one client, over one connection or (long-poll) request after request.
final class Subscriber {
    let world: World
    let transport: Transport
    /// Named in the URL; without any, `carillon.v1` is spoken and commands name them.
    let channels: [String]
    /// The name that it gives itself.
    let user: String?
    private(set) var client: Client
    /// All messages so far, over all connections.
    private(set) var seen: [Seen] = []
    /// Messages, gaps and answers in the order in which they came.
    private(set) var told: [Hearing] = []
    /// For each gap that was announced, how many messages had come before.
    private(set) var gaps: [Int] = []
    /// Joins, leaves and lists of who is there, each with how many messages had come before.
    private(set) var notices: [(notice: Notice, place: Int)] = []
    /// Where to go on: the last id seen, by whatever means the transport tells it.
    private(set) var lastID: String?
    private(set) var closeCode: UInt16?
    private(set) var statuses: [Int] = []
    /// A poll is on its way.
    private(set) var isPolling = false
    private var isOpen = false
    private var beganAtNow = false

    /// - Parameter settled: let everything happen that follows.
    init(
        _ world: World, _ transport: Transport, _ channels: [String], loop: Int = 0,
        after: String? = nil, query: String = "", user: String? = nil, settled: Bool = true
    ) {
        self.world = world
        self.user = user
        self.transport = transport
        self.channels = channels
        client = world.connect(loop: loop)
        open(after: after, query: query)
        if settled { settle() }
    }

    /// Connects anew and goes on after the given id.
    func resume(
        loop: Int, after: String?, query: String = "", settled: Bool = true
    ) {
        client = world.connect(loop: loop)
        closeCode = nil
        isOpen = false
        isPolling = false
        open(after: after, query: query)
        if settled { settle() }
    }

    private func settle() {
        world.settle()
        collect()
    }

    var data: [String] { seen.map(\.data) }
    var ids: [String] { seen.map(\.id) }
    /// The connection is of no more use.
    var isOver: Bool { client.isClosed || client.isEnded || client.isGone || closeCode != nil }

    // MARK: - Asking

    private func target(_ query: [String]) -> String {
        var items = query.filter { !$0.isEmpty } + (user.map { ["user=\($0)"] } ?? [])
        var path = "/channels"
        if channels.isEmpty {
            path = "/connect"
        } else if channels.count == 1 {
            path += "/\(channels[0])"
        } else {
            items = channels.map { "name=\($0)" } + items
        }
        return items.isEmpty ? path : path + "?" + items.joined(separator: "&")
    }

    private func open(after: String?, query: String) {
        let position = after.map { "after=\($0)" } ?? ""
        beganAtNow = after == nil
        switch transport {
        case .raw: client.feed(upgrade(target([position, query])))
        case .v1:
            client.feed(
                upgrade(target([position, query]), ["Sec-WebSocket-Protocol: carillon.v1"]))
        case .events:
            var fields = ["Accept: text/event-stream"]
            if let after { fields.append("Last-Event-ID: \(after)") }
            client.feed(request(target([query]), fields: fields))
        case .lines:
            client.feed(
                request(target([position, query]), fields: ["Accept: application/x-ndjson"]))
        case .poll:
            poll([position, query])
        }
        if let after, after != "first" { lastID = after }
    }

    private func poll(_ query: [String], _ fields: [String] = []) {
        isPolling = true
        client.feed(request(target(query), fields: fields))
    }

    /// Asks again, on the same connection, with the tag of the last answer.
    func pollAgain() {
        guard transport == .poll, !isPolling, !isOver else { return }
        poll([], lastID.map { ["If-None-Match: \"\($0)\""] } ?? [])
    }

    // MARK: - Reading

    /// Notes what has arrived since the last call.
    func collect() {
        if transport == .poll {
            while let answer = client.answer() { take(answer) }
            return
        }
        if !isOpen {
            guard let answer = client.answer() else { return }
            statuses.append(answer.status)
            isOpen = true
            guard answer.status == 200 || answer.status == 101 else { return }
            // Of use only to one who starts at "now".
            if transport == .lines, beganAtNow { lastID = answer.head.first("Carillon-Position") }
        }
        switch transport {
        case .raw, .v1: for event in client.events() { take(event) }
        case .events:
            for event in client.serverEvents() { take(event) }
            let id = String(decoding: client.stream.lastEventID, as: UTF8.self)
            if !id.isEmpty { lastID = id }
        case .lines: for line in client.lines() { take(envelope: line) }
        case .poll: break
        }
    }

    private func take(_ answer: Answer) {
        isPolling = false
        statuses.append(answer.status)
        guard answer.status == 200 || answer.status == 204 else { return }
        if answer.head.first("Carillon-Gap") == "true" { tell(gap: nil) }
        for element in answer.elements { note(element) }
        for message in answer.messages { tell(message) }
        told.append(.answerEnd)
        lastID = answer.tag
    }

    private func take(_ event: WebSocketDecoder.Event) {
        switch event {
        case .message(_, let payload, _):
            if transport == .raw {
                tell(Seen(data: String(decoding: payload, as: UTF8.self)))
            } else {
                take(envelope: payload)
            }
        case .ping(let payload): client.feed(frame(.pong, payload))
        case .pong: break
        case .close(let code, _): closeCode = code ?? 1005
        }
    }

    private func take(_ event: ServerSentEvent) {
        let data = event.data
        if String(decoding: event.type, as: UTF8.self) == "gap" {
            tell(gap: object(data))
        } else if note([String(decoding: event.type, as: UTF8.self): object(data)]) {
            // No message.
        } else if channels.count > 1 {
            take(envelope: data)
        } else {
            let type = String(decoding: event.type, as: UTF8.self)
            tell(
                Seen(
                    id: String(decoding: event.id, as: UTF8.self),
                    event: type == "message" ? nil : type,
                    data: String(decoding: data, as: UTF8.self)))
        }
    }

    private func take(envelope: [UInt8]) {
        let fields = object(envelope)
        if fields["gap"] != nil, fields["ok"] == nil {
            tell(gap: fields)
        } else if note(fields) {
            // No message.
        } else if fields["id"] != nil, fields["channel"] != nil, fields["ok"] == nil {
            let message = Seen(fields)
            tell(message)
            lastID = message.id
        } else {
            told.append(.answer(fields))
        }
    }

    @discardableResult
    private func note(_ fields: [String: Any]) -> Bool {
        guard let notice = Notice(fields) else { return false }
        notices.append((notice, seen.count))
        return true
    }

    private func tell(_ message: Seen) {
        seen.append(message)
        told.append(.message(message))
    }

    private func tell(gap notice: [String: Any]?) {
        gaps.append(seen.count)
        let gap = notice?["gap"] as? [String: Any]
        told.append(.gap(channel: gap?["channel"] as? String))
    }
}
