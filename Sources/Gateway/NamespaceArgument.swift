// One namespace as the command line gives it: `chat,history=50,slow=drop-oldest,presence`.
//
// The form alone is read here; what is out of range is found when the server starts.

extension NamespaceConfiguration {
    private enum Key: String, CaseIterable {
        case history
        case historySeconds = "history-seconds"
        case historyBytes = "history-bytes"
        case slow
        case durability
        case presence
        case presenceGrace = "presence-grace"
        case batch
    }

    /// Reads `NAME,KEY=VALUE,…`.
    ///
    /// - Throws: what is wrong, and what is possible instead.
    public init(argument: String) throws(ServerError) {
        let items = argument.split(separator: ",", omittingEmptySubsequences: false)
        self.init(name: String(items[0]))
        if name.isEmpty || name.contains("=") {
            throw ServerError(
                "namespace \(argument): the first item is its name, as in chat,history=50")
        }
        var given: Set<Key> = []
        for item in items.dropFirst() {
            let parts = item.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = Key(rawValue: String(parts[0])) else {
                throw error("\(parts[0]) is no setting; there are \(Self.list(Key.self))")
            }
            guard given.insert(key).inserted else {
                throw error("\(key.rawValue) is given twice")
            }
            try set(key, parts.count > 1 ? String(parts[1]) : nil)
        }
    }

    private mutating func set(_ key: Key, _ value: String?) throws(ServerError) {
        switch key {
        case .history:
            switch value {
            case "off": history = .off
            case "last": history = .last
            default: history = .messages(try number(key, value, "off, last, or a number"))
            }
        case .historySeconds: historySeconds = try number(key, value, "a number of seconds")
        case .historyBytes: historyBytesMax = try bytes(key, value)
        case .slow: slow = try choice(key, value)
        case .durability: durability = try choice(key, value)
        case .presence:
            guard value == nil else { throw error("presence stands alone, without a value") }
            presence = true
        case .presenceGrace: presenceGraceSeconds = try number(key, value, "a number of seconds")
        case .batch: batchMilliseconds = try milliseconds(key, value)
        }
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: Key, _ value: String?
    ) throws(ServerError) -> Choice where Choice.RawValue == String {
        if let value, let choice = Choice(rawValue: value) { return choice }
        throw wrong(key, value, Self.list(Choice.self))
    }

    private func number(
        _ key: Key, _ value: String?, _ possible: String
    ) throws(ServerError) -> Int {
        if let value, let number = Self.digits(value[...]) { return number }
        throw wrong(key, value, possible)
    }

    /// `10ms`: seconds are what a bare number is elsewhere.
    private func milliseconds(_ key: Key, _ value: String?) throws(ServerError) -> Int {
        if let value, value.hasSuffix("ms"), let number = Self.digits(value.dropLast(2)) {
            return number
        }
        throw wrong(key, value, "a time in milliseconds, such as 10ms")
    }

    /// `65536`, `64K`, `1M`, `2G`: the letters are powers of 1,024.
    private func bytes(_ key: Key, _ value: String?) throws(ServerError) -> Int {
        if let value, let size = ByteSize(value) { return size.bytes }
        throw wrong(key, value, "a number of bytes, such as 65536, 64K or 1M")
    }

    private static func digits(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int(text)
    }

    private func wrong(_ key: Key, _ value: String?, _ possible: String) -> ServerError {
        guard let value else { return error("\(key.rawValue) needs a value: \(possible)") }
        return error("\(key.rawValue)=\(value) is not possible; it is \(possible)")
    }

    private static func list<Choice: RawRepresentable & CaseIterable>(_: Choice.Type) -> String
    where Choice.RawValue == String {
        Choice.allCases.map(\.rawValue).joined(separator: ", ")
    }
}
