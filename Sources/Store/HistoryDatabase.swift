// The file of the durable history, while it is open. What it is not: the threads that feed it.

internal import Ring

/// Rows and sums of a history, and the transactions that change them.
///
/// One thread at a time; whoever opened it hands it on. Dropping it closes the file and keeps what was
/// committed, as a kill would.
///
/// Every write is a transaction in the write-ahead log, with `synchronous=FULL`: a commit that has
/// returned is on the disk, and a process that is killed at any point leaves the last commit. The
/// lock is exclusive and held as long as the file is open.
///
/// The file does not shrink: pages that are freed are used again, so it stays as large as the most
/// that was ever kept at once. The write-ahead log is cut back after each checkpoint.
package final class HistoryDatabase {
    /// What is known of a channel without asking the file.
    struct Book {
        var count: Int
        var bytes: Int
        var forgotten: UInt64
        /// When the last message was published, once none is kept.
        var emptied: UInt64?
        /// The channel's row is behind.
        var isStale = false
    }

    package let path: String
    let database: Database
    let statements: Statements
    let limits: StoreLimits
    let namespaces: [StoredNamespace]
    /// The namespace of a channel's name.
    let namespaceOf: @Sendable ([UInt8]) -> UInt8

    /// Sequences up to here may be given out; it is on the disk.
    package internal(set) var mark: UInt64
    /// By namespace: up to here nothing is known of a channel that has no row.
    var floors: [UInt64]
    var channelCount: Int
    /// By channel id. Any part of it may be thrown away: the file says the same.
    var books: [UInt64: Book] = [:]
    var ids: [ChannelName: UInt64] = [:]
    /// Ids whose book was changed in the present transaction.
    var touched: Set<UInt64> = []

    init(
        path: String, database: Database, limits: StoreLimits, namespaces: [StoredNamespace],
        namespaceOf: @escaping @Sendable ([UInt8]) -> UInt8, mark: UInt64, floors: [UInt64],
        channelCount: Int
    ) throws(SQLiteError) {
        self.path = path
        self.database = database
        statements = try Statements(database)
        self.limits = limits
        self.namespaces = namespaces
        self.namespaceOf = namespaceOf
        self.mark = mark
        self.floors = floors
        self.channelCount = channelCount
    }

    /// Carries out `body` in one transaction: all of it is on the disk afterwards, or, after a
    /// throw, none.
    func transaction(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) {
        try statements.begin.run()
        let before = (floors, channelCount)
        do throws(SQLiteError) {
            try body()
            try statements.commit.run()
        } catch {
            // Some failures have rolled back already. If this fails too, the next `BEGIN` says so.
            if database.isInTransaction { try? statements.rollBack.run() }
            // What memory says of the file is not true any more.
            (floors, channelCount) = before
            books.removeAll()
            ids.removeAll()
            touched.removeAll()
            throw error
        }
        touched.removeAll(keepingCapacity: true)
        if books.count > limits.booksMax {
            books.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
        }
    }

    // MARK: - Channels

    /// The id of a channel's row, made if needed; nil when there is no room for one more.
    func channel(_ name: ChannelName, _ namespace: UInt8) throws(SQLiteError) -> UInt64? {
        if let id = ids[name] { return id }
        statements.findChannel.bind(1, name.bytes)
        if try statements.findChannel.step() {
            let id = statements.findChannel.number(0)
            statements.findChannel.reset()
            ids[name] = id
            return id
        }
        guard channelCount < limits.channelsMax else { return nil }
        // What such a channel had, and lost, before it had this row is known by its namespace only.
        let forgotten = floors[Int(namespace)]
        statements.addChannel.bind(1, name.bytes).bind(2, forgotten)
        guard try statements.addChannel.step() else { preconditionFailure("no id was returned") }
        let id = statements.addChannel.number(0)
        // Steps to the end, where the row is in for certain.
        try statements.addChannel.run()
        channelCount += 1
        ids[name] = id
        books[id] = Book(count: 0, bytes: 0, forgotten: forgotten)
        return id
    }

    /// Changes what is known of a channel; its row follows before the transaction ends.
    func change(_ id: UInt64, _ body: (inout Book) -> Void) throws(SQLiteError) {
        if books[id] == nil { books[id] = try readBook(id) }
        touched.insert(id)
        body(&books[id]!)
    }

    private func readBook(_ id: UInt64) throws(SQLiteError) -> Book {
        let sums = statements.sums.bind(1, id)
        guard try sums.step() else { preconditionFailure("sums are one row") }
        let book = Book(
            count: sums.integer(0), bytes: sums.integer(1), forgotten: sums.number(2),
            emptied: sums.isNull(3) ? nil : sums.number(3))
        sums.reset()
        return book
    }
}
