// The owner of one SQLite connection. What it is not: anything that knows what is stored.

internal import CSQLite

/// One connection; one thread at a time. Closed when it is dropped, which keeps what is committed.
final class Database {
    // Made in `init`, closed in `deinit`, given to this module's calls only in between, and to a test's
    // hook.
    let handle: OpaquePointer

    init(path: String) throws(SQLiteError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        // A handle comes with a failure too, to ask it what was wrong.
        guard let opened else { throw SQLiteError(code: code, message: "out of memory") }
        handle = opened
        sqlite3_extended_result_codes(opened, 1)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// The statements that were made of it keep the handle until they are gone as well.
    deinit { sqlite3_close_v2(handle) }

    func prepare(_ sql: String) throws(SQLiteError) -> Statement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw error(code) }
        return Statement(statement, of: self)
    }

    /// Carries out one statement that has nothing to be bound; rows are dropped.
    func run(_ sql: String) throws(SQLiteError) {
        let statement = try prepare(sql)
        while try statement.step() {}
    }

    /// The first column of the first row; nil without one.
    func first<Value>(_ sql: String, _ read: (Statement) -> Value) throws(SQLiteError) -> Value? {
        let statement = try prepare(sql)
        return try statement.step() ? read(statement) : nil
    }

    /// Whether a transaction is open. Some failures have ended it already.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func error(_ code: Int32) -> SQLiteError {
        SQLiteError(code: code, message: String(cString: sqlite3_errmsg(handle)))
    }
}
