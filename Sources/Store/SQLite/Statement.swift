// One prepared statement.

internal import CSQLite

/// Bound, stepped, and reset for the next time. Same thread as its database.
final class Statement {
    // Made by `Database.prepare`, finalized in `deinit`; the database is kept for the time between.
    private let handle: OpaquePointer
    private let database: Database
    private var unbound = SQLITE_OK

    init(_ handle: OpaquePointer, of database: Database) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    // MARK: - Parameters, from 1

    /// Numbers above 2^63 − 1 are stored as that.
    @discardableResult
    func bind(_ index: Int32, _ value: UInt64) -> Statement {
        bound(sqlite3_bind_int64(handle, index, Int64(clamping: value)))
    }

    @discardableResult
    func bind(_ index: Int32, _ value: Int) -> Statement {
        bound(sqlite3_bind_int64(handle, index, Int64(value)))
    }

    /// The bytes are copied. nil is NULL; no bytes are an empty value.
    @discardableResult
    func bind(_ index: Int32, _ bytes: [UInt8]?) -> Statement {
        guard let bytes else { return bound(sqlite3_bind_null(handle, index)) }
        return bytes.withUnsafeBytes { bytes in
            bound(carillon_bind_copy(handle, index, bytes.baseAddress, Int32(bytes.count)))
        }
    }

    @discardableResult
    func bind(_ index: Int32, _ value: UInt64?) -> Statement {
        guard let value else { return bound(sqlite3_bind_null(handle, index)) }
        return bind(index, value)
    }

    /// What could not be bound (too large a value, want of memory) fails the next step. An index that
    /// is not there is a mistake in this module.
    private func bound(_ code: Int32) -> Statement {
        precondition(code != SQLITE_RANGE && code != SQLITE_MISUSE, "a parameter was not bound")
        if code != SQLITE_OK { unbound = code }
        return self
    }

    // MARK: - Steps

    /// - Returns: whether there is a row; after the last one the statement is ready for another run.
    func step() throws(SQLiteError) -> Bool {
        guard unbound == SQLITE_OK else {
            let code = unbound
            unbound = SQLITE_OK
            throw SQLiteError(code: code, message: String(cString: sqlite3_errstr(code)))
        }
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        // Before the reset, which may forget what was wrong.
        let error = database.error(code)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else { throw error }
        return false
    }

    /// Carries it out, without rows.
    func run() throws(SQLiteError) {
        while try step() {}
    }

    /// Leaves the rows that were not read.
    func reset() { sqlite3_reset(handle) }

    // MARK: - Columns of the present row, from 0

    /// A negative number, which this program never writes, reads as 0.
    func number(_ column: Int32) -> UInt64 { UInt64(max(sqlite3_column_int64(handle, column), 0)) }

    func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func bytes(_ column: Int32) -> [UInt8] {
        // The pointer holds until the next step, and the bytes are copied here.
        let start = sqlite3_column_blob(handle, column)
        let count = Int(sqlite3_column_bytes(handle, column))
        return Array(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    func text(_ column: Int32) -> String {
        guard let text = sqlite3_column_text(handle, column) else { return "" }
        return String(cString: text)
    }
}
