// Reads what an earlier life left, and writes down what this life makes of it. What it is not: used
// after the start.

internal import Ring

/// One use, inside the transaction that begins a life.
///
/// ## What a client that comes back may count on
///
/// It names an id `x` of an earlier life: it has seen everything up to `x`, and wants what followed.
/// `start` is at least every sequence that was ever given. Is something between `x` and `start`
/// missing here? That is decided by the channel's `forgotten`, or by its namespace's floor where the
/// channel has no row: `x` below it means a gap.
///
/// - **memory**: nothing outlived the process, so everything up to `start` may be missing: the floor is
///   `start`. A client whose `x` is `start` itself has seen all there was.
/// - **fsync**: what was answered is in the file, so only what was trimmed or failed is missing, and each
///   channel's row says up to where. Channels whose row was dropped are spoken for by the floor, which
///   the drop has raised. What was still on its way to the disk in a crash had not been answered: its
///   publisher does not know whether it was published, and now it was not.
/// - **interval**, after a clean stop: the same, since everything was written.
/// - **interval**, after a crash: messages that were answered, and seen by some, are not in the file.
///   They lie above the last commit, and nobody knows how many there were, nor on which channels: all
///   that is certain is that each sequence is at most `start`. So no `x` below `start` can be promised
///   anything: the floor and each channel's `forgotten` become `start`. The messages that are
///   in the file are restored all the same, and are delivered behind the announced gap.
///
/// It is the durability of the *earlier* life that decides what is in the file, so it stands in the file. A
/// namespace that was not there, or had another name, takes the floor of the one that held its channels
/// then: the one without a name; and the one without a name takes those of all that are no more.
struct LifeReader {
    private struct EarlierNamespace {
        var durability: StoredNamespace.Durability
        var floor: UInt64
    }

    private struct Row {
        var id: UInt64
        var namespace: UInt8
        var stored: StoredChannel
    }

    private let database: Database
    private let opening: StoreOpening
    private var start: UInt64 = 0
    private var wasClean = true
    private var earlier: [[UInt8]: EarlierNamespace] = [:]
    /// By channel id.
    private var rows: [UInt64: Row] = [:]

    init(_ database: Database, _ opening: StoreOpening) {
        self.database = database
        self.opening = opening
    }

    mutating func read() throws(SQLiteError) -> EarlierLife {
        let log = try database.prepare("SELECT epoch, mark, clean FROM log")
        guard try log.step() else { throw .corrupt("no log in it") }
        let epoch = log.bytes(0)
        start = log.number(1)
        wasClean = log.number(2) != 0
        log.reset()
        try readNamespaces()
        let floors = floors()
        try readChannels()
        try readMessages()
        try trim()
        try writeNamespaces(floors)
        return EarlierLife(
            epoch: epoch, start: start, wasClean: wasClean, floors: floors,
            channels: rows.values.map(\.stored))
    }

    // MARK: - Namespaces

    private mutating func readNamespaces() throws(SQLiteError) {
        let statement = try database.prepare("SELECT name, durability, floor FROM namespaces")
        while try statement.step() {
            guard
                let durability = StoredNamespace.Durability(
                    rawValue: UInt8(clamping: statement.number(1)))
            else { throw .corrupt("an unknown durability") }
            let floor = statement.number(2)
            earlier[statement.bytes(0)] = EarlierNamespace(
                durability: durability, floor: isCertain(durability) ? floor : start)
        }
    }

    /// Whether the file holds everything that was answered under it, up to `start`.
    private func isCertain(_ durability: StoredNamespace.Durability) -> Bool {
        switch durability {
        case .memory: false
        case .interval: wasClean
        case .fsync: true
        }
    }

    private func floors() -> [UInt64] {
        let unnamed = earlier[[]]?.floor ?? 0
        let names = Set(opening.namespaces.map(\.name))
        let gone = earlier.filter { !names.contains($0.key) }.values.map(\.floor).max() ?? 0
        return opening.namespaces.map { namespace in
            if namespace.durability == .memory { return start }
            if namespace.name.isEmpty { return max(unnamed, gone) }
            return earlier[namespace.name]?.floor ?? unnamed
        }
    }

    private func writeNamespaces(_ floors: [UInt64]) throws(SQLiteError) {
        try database.run("DELETE FROM namespaces")
        let add = try database.prepare("INSERT INTO namespaces VALUES (?1, ?2, ?3)")
        for (namespace, floor) in zip(opening.namespaces, floors) {
            add.bind(1, namespace.name).bind(2, Int(namespace.durability.rawValue)).bind(3, floor)
            try add.run()
        }
    }

    /// The namespace that held a channel in the earlier life.
    private func earlierNamespace(of channel: [UInt8]) -> EarlierNamespace? {
        if let colon = channel.firstIndex(of: UInt8(ascii: ":")),
            let named = earlier[Array(channel[..<colon])]
        {
            return named
        }
        return earlier[[]]
    }

    // MARK: - Channels and messages

    private mutating func readChannels() throws(SQLiteError) {
        let statement = try database.prepare("SELECT id, name, forgotten, emptied FROM channels")
        var dropped: [UInt64] = []
        while try statement.step() {
            let name = statement.bytes(1)
            guard (1...ChannelName.bytesMax).contains(name.count) else {
                throw .corrupt("a channel's name of \(name.count) bytes")
            }
            let namespace = opening.namespaceOf(name)
            guard opening.namespaces[Int(namespace)].durability != .memory else {
                dropped.append(statement.number(0))
                continue
            }
            let isWhole = earlierNamespace(of: name).map { isCertain($0.durability) } ?? false
            rows[statement.number(0)] = Row(
                id: statement.number(0), namespace: namespace,
                stored: StoredChannel(
                    channel: ChannelName(name, key: opening.hashKey), messages: [],
                    forgotten: isWhole ? statement.number(2) : start,
                    lastMilliseconds: statement.number(3)))
        }
        let dropMessages = try database.prepare("DELETE FROM messages WHERE channel = ?1")
        let dropChannel = try database.prepare("DELETE FROM channels WHERE id = ?1")
        for id in dropped {
            try dropMessages.bind(1, id).run()
            try dropChannel.bind(1, id).run()
        }
    }

    private mutating func readMessages() throws(SQLiteError) {
        let statement = try database.prepare(
            """
            SELECT sequence, channel, kind, time, lifetime, expires, event, payload
            FROM messages ORDER BY sequence
            """)
        var moved: [(sequence: UInt64, expires: UInt64)] = []
        while try statement.step() {
            let sequence = statement.number(0)
            guard sequence <= start, let row = rows[statement.number(1)],
                let kind = Message.Kind(rawValue: UInt8(clamping: statement.number(2)))
            else { throw .corrupt("message \(sequence) is not whole") }
            let message = Message(
                channel: row.stored.channel, namespace: row.namespace, kind: kind,
                event: statement.isNull(6) ? nil : statement.bytes(6), payload: statement.bytes(7),
                timeMilliseconds: statement.number(3),
                timeToLiveMilliseconds: UInt32(clamping: statement.number(4)))
            // The namespace's age may have been another then.
            let expires = opening.namespaces[Int(row.namespace)].expiry(of: message)
            if expires != statement.number(5) { moved.append((sequence, expires)) }
            rows[row.id]!.stored.messages.append(
                StoredMessage(sequence: sequence, message: message))
        }
        let move = try database.prepare("UPDATE messages SET expires = ?2 WHERE sequence = ?1")
        for entry in moved { try move.bind(1, entry.sequence).bind(2, entry.expires).run() }
    }

    /// Holds every channel to the bounds of its present namespace, and brings its row up to date.
    private mutating func trim() throws(SQLiteError) {
        let drop = try database.prepare("DELETE FROM messages WHERE sequence = ?1")
        let change = try database.prepare(
            "UPDATE channels SET forgotten = ?2, emptied = ?3 WHERE id = ?1")
        for id in Array(rows.keys) {
            var row = rows[id]!
            let namespace = opening.namespaces[Int(row.namespace)]
            var kept: [StoredMessage] = []
            if let last = row.stored.messages.last {
                row.stored.lastMilliseconds = last.message.timeMilliseconds
            }
            // From the newest, so that the bounds drop the oldest: all before the first that is too
            // much.
            var bytes = 0
            var isFull = false
            for stored in row.stored.messages.reversed() {
                let isExpired =
                    namespace.expiry(of: stored.message) < opening.nowUnixMilliseconds
                bytes += stored.message.cost
                isFull =
                    isFull || kept.count == namespace.messagesMax || bytes > namespace.bytesMax
                if !isFull, !isExpired {
                    kept.append(stored)
                } else {
                    bytes -= stored.message.cost
                    try drop.bind(1, stored.sequence).run()
                    let message = stored.message
                    let isMissed = isMissed(
                        time: message.timeMilliseconds,
                        lifetime: UInt64(message.timeToLiveMilliseconds),
                        opening.nowUnixMilliseconds)
                    if isMissed, !(namespace.isLastOnly && !kept.isEmpty) {
                        row.stored.forgotten = max(row.stored.forgotten, stored.sequence)
                    }
                }
            }
            row.stored.messages = kept.reversed()
            rows[id] = row
            change.bind(1, id).bind(2, row.stored.forgotten)
            try change.bind(3, kept.isEmpty ? row.stored.lastMilliseconds : nil).run()
        }
    }
}
