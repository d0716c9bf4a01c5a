// Opening the file: what it is, what it holds, and what this life may count on.

package import Ring

/// What a history is opened with.
package struct StoreOpening {
    package var path: String
    /// By index.
    package var namespaces: [StoredNamespace]
    /// The namespace of a channel's name.
    package var namespaceOf: @Sendable ([UInt8]) -> UInt8
    /// For the names of the restored channels.
    package var hashKey: HashKey
    /// Names the log if the file is new; 1 to 32 bytes.
    package var freshEpoch: [UInt8]
    package var nowUnixMilliseconds: UInt64
    package var limits: StoreLimits

    package init(
        path: String, namespaces: [StoredNamespace],
        namespaceOf: @escaping @Sendable ([UInt8]) -> UInt8, hashKey: HashKey,
        freshEpoch: [UInt8], nowUnixMilliseconds: UInt64, limits: StoreLimits = StoreLimits()
    ) {
        self.path = path
        self.namespaces = namespaces
        self.namespaceOf = namespaceOf
        self.hashKey = hashKey
        self.freshEpoch = freshEpoch
        self.nowUnixMilliseconds = nowUnixMilliseconds
        self.limits = limits
    }
}

extension HistoryDatabase {
    /// Opens or makes the file, locks it, checks it, and begins a life of the log: what is returned
    /// may be counted on, and the first sequences are reserved.
    ///
    /// Everything that is kept is read, so it takes as long as that takes.
    package static func open(_ opening: StoreOpening) throws(StoreError)
        -> (HistoryDatabase, EarlierLife)
    {
        let refusal: StoreError
        do throws(SQLiteError) {
            let database = try Database(path: opening.path)
            switch try identify(database, opening.path) {
            case .new: return try begin(database, opening, isNew: true)
            case .ours: return try begin(database, opening, isNew: false)
            case .refused(let error): refusal = error
            }
        } catch {
            throw StoreError(error, path: opening.path)
        }
        throw refusal
    }

    private enum Identity {
        case new
        case ours
        case refused(StoreError)
    }

    /// Takes the lock and says what file it is. One that is not ours is not changed.
    private static func identify(_ database: Database, _ path: String) throws(SQLiteError)
        -> Identity
    {
        // Before the first look: the lock is then taken with it, kept to the end, and the log's index
        // is in our own memory instead of a file that others could map.
        try database.run("PRAGMA locking_mode = EXCLUSIVE")
        let tables = try database.first("SELECT count(*) FROM sqlite_schema") { $0.number(0) }
        let id = try database.first("PRAGMA application_id") { $0.integer(0) }
        let version = try database.first("PRAGMA user_version") { $0.integer(0) }
        guard tables != 0 || id != 0 || version != 0 else { return .new }
        guard id == Schema.applicationID else { return .refused(.foreign(path: path)) }
        guard version == Schema.version else {
            return .refused(
                .unknownVersion(
                    path: path, version: Int64(version ?? 0), known: Int64(Schema.version)))
        }
        // All of it will be read anyway.
        let check = try database.first("PRAGMA quick_check(1)") { $0.text(0) }
        guard check == "ok" else {
            return .refused(.damaged(path: path, detail: check ?? "it can't be checked"))
        }
        let mark = try database.first("SELECT mark FROM log") { $0.number(0) }
        guard let mark else { return .refused(.damaged(path: path, detail: "no log in it")) }
        guard mark <= BroadcastRing.startMax else { return .refused(.exhausted(path: path)) }
        return .ours
    }

    private static func begin(_ database: Database, _ opening: StoreOpening, isNew: Bool)
        throws(SQLiteError) -> (HistoryDatabase, EarlierLife)
    {
        let mode = try database.first("PRAGMA journal_mode = WAL") { $0.text(0) }
        guard mode == "wal" else { throw .cannotOpen("no write-ahead log can be kept there") }
        // In this mode: every commit is synced, before it returns.
        try database.run("PRAGMA synchronous = FULL")
        // What a burst has made of the write-ahead log is given back.
        try database.run("PRAGMA journal_size_limit = \(16 << 20)")
        if let pages = opening.limits.pagesMax {
            try database.run("PRAGMA max_page_count = \(pages)")
        }
        // Taken whole or not at all: who is killed here begins again from the same state.
        try database.run("BEGIN IMMEDIATE")
        if isNew {
            for statement in Schema.statements { try database.run(statement) }
            let log = try database.prepare("INSERT INTO log VALUES (1, ?1, 0, 1)")
            try log.bind(1, opening.freshEpoch).run()
        }
        var reader = LifeReader(database, opening)
        let life = try reader.read()
        let mark = life.start + opening.limits.reservedSequences
        try database.prepare("UPDATE log SET mark = ?1, clean = 0").bind(1, mark).run()
        try database.run("COMMIT")
        let history = try HistoryDatabase(
            path: opening.path, database: database, limits: opening.limits,
            namespaces: opening.namespaces, namespaceOf: opening.namespaceOf, mark: mark,
            floors: life.floors, channelCount: life.channels.count)
        return (history, life)
    }
}
