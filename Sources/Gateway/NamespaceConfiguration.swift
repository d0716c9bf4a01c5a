// What the channels of one namespace have in common, in a user's words and units.

internal import Hub

/// How the channels of one namespace behave: `chat:7` is of the namespace `chat`.
///
/// ```swift
/// var chat = NamespaceConfiguration(name: "chat")
/// chat.history = .messages(50)
/// chat.slow = .dropOldest
/// configuration.namespaces = [chat]
/// ```
public struct NamespaceConfiguration: Sendable, Equatable {
    /// What a channel keeps for those who come, or come back.
    public enum History: Sendable, Equatable {
        /// Nothing.
        case off
        /// The newest message alone; a new subscriber begins with it.
        case last
        /// So many messages, 1…1,000,000.
        case messages(Int)
    }

    /// What happens to a connection that takes less than its channels bring.
    public enum Slow: String, Sendable, CaseIterable {
        /// It is closed, and goes on by id when it is back.
        case disconnect
        /// Its oldest waiting messages are dropped, and it is told of the gap. A raw WebSocket can't
        /// be told.
        case dropOldest = "drop-oldest"
        /// Only each channel's newest message waits for it.
        case latest
    }

    /// When a publish is answered, and what outlives the process.
    public enum Durability: String, Sendable, CaseIterable {
        /// At once; nothing does.
        case memory
        /// At once; what was published a moment before a crash may be lost.
        case interval
        /// Once the message is on the disk.
        case fsync
    }

    /// The part of a channel's name before its first colon, 1…254 bytes; `*` stands for all
    /// channels of no other namespace.
    public var name: String
    /// Nil: as ``ServerConfiguration/historyMessagesMax`` says.
    public var history: History?
    /// How long messages are kept, seconds, 0 to a hundred years; nil: as
    /// ``ServerConfiguration/historySeconds`` says, and a newest message kept alone has no end.
    public var historySeconds: Int?
    /// What one channel keeps, bytes, 1…1 TiB.
    public var historyBytesMax = 4 << 20
    public var slow = Slow.disconnect
    public var durability = Durability.memory
    /// Who follows a channel is known, and told to those who do.
    public var presence = false
    /// A user who is back within so many seconds has not left, 0…3,600.
    public var presenceGraceSeconds = 10

    /// How long a message may wait for others, so that they share a write, milliseconds, 0…100.
    public var batchMilliseconds = 0

    public init(name: String) { self.name = name }
}

extension NamespaceConfiguration {
    static let everyOther = "*"
    private static let historySecondsMax = 100 * 366 * 24 * 3600

    /// The hub's form of it.
    ///
    /// - Throws: what is out of range, and the range.
    func resolved(_ server: ServerConfiguration) throws(ServerError) -> Namespace {
        try checkName()
        var namespace = Namespace(name: name == Self.everyOther ? [] : Array(name.utf8))
        switch history ?? server.historyOfAll {
        case .off: namespace.history = .off
        case .last:
            namespace.history = .last
            namespace.historyMessagesMax = 1
        case .messages(let count):
            try check(count, 1...1_000_000, "history", "off, last, or messages")
            namespace.historyMessagesMax = count
        }
        namespace.historyMillisecondsMax = try milliseconds(server)
        try check(historyBytesMax, 1...(1 << 40), "history-bytes", "bytes")
        namespace.historyBytesMax = historyBytesMax
        try check(presenceGraceSeconds, 0...3_600, "presence-grace", "seconds")
        namespace.presence = presence
        namespace.presenceGraceMilliseconds = UInt64(presenceGraceSeconds) * 1_000
        try check(batchMilliseconds, 0...100, "batch", "milliseconds")
        namespace.batchMilliseconds = UInt64(batchMilliseconds)
        switch slow {
        case .disconnect: namespace.slowPolicy = .disconnect
        case .dropOldest: namespace.slowPolicy = .dropOldest
        case .latest: namespace.slowPolicy = .latest
        }
        switch durability {
        case .memory: namespace.durability = .memory
        case .interval: namespace.durability = .interval
        case .fsync: namespace.durability = .fsync
        }
        if durability != .memory, namespace.history == .off {
            throw error("durability=\(durability.rawValue) needs a history to keep")
        }
        return namespace
    }

    private func milliseconds(_ server: ServerConfiguration) throws(ServerError) -> UInt64 {
        if historySeconds == nil, history == .last { return .max }
        let seconds = historySeconds ?? server.historySeconds
        try check(seconds, 0...Self.historySecondsMax, "history-seconds", "seconds")
        return UInt64(seconds) * 1_000
    }

    private func checkName() throws(ServerError) {
        let bytes = Array(name.utf8)
        if bytes.isEmpty { throw ServerError("a namespace has no name; * is all other channels") }
        if bytes.count > 254 {
            throw error("the name has \(bytes.count) bytes; 1 to 254 are possible")
        }
        if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0x3A }) {
            throw error("a name holds no colon and no control character")
        }
    }

    private func check(
        _ value: Int, _ range: ClosedRange<Int>, _ key: String, _ unit: String
    ) throws(ServerError) {
        guard !range.contains(value) else { return }
        throw error(
            "\(key)=\(value); \(unit) from \(range.lowerBound) to \(range.upperBound) are possible")
    }

    func error(_ what: String) -> ServerError { ServerError("namespace \(name): \(what)") }
}

extension ServerConfiguration {
    /// What a channel keeps when its namespace does not say.
    var historyOfAll: NamespaceConfiguration.History {
        historyMessagesMax == 0 ? .off : .messages(historyMessagesMax)
    }

    /// All namespaces.
    ///
    /// - Throws: what can't be, by the namespace's name.
    func resolvedNamespaces() throws(ServerError) -> Namespaces {
        var resolved = Namespaces()
        var names: Set<String> = []
        let everyOther = NamespaceConfiguration.everyOther
        let named = namespaces.count { $0.name != everyOther }
        guard named < Namespaces.countMax else {
            throw ServerError(
                "\(named) namespaces are configured; \(Namespaces.countMax - 1) are possible")
        }
        resolved.fallback = try NamespaceConfiguration(name: everyOther).resolved(self)
        for namespace in namespaces {
            guard names.insert(namespace.name).inserted else {
                throw namespace.error("it is configured twice")
            }
            let settings = try namespace.resolved(self)
            if namespace.name == everyOther {
                resolved.fallback = settings
            } else {
                resolved.add(settings)
            }
        }
        return resolved
    }
}
