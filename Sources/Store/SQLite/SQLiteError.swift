// What SQLite answers when it does not do as asked.

internal import CSQLite

/// A result code that is neither OK nor a row, with SQLite's words for it.
package struct SQLiteError: Error, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// Another connection holds the lock.
        case busy
        case cannotOpen
        case notADatabase
        case corrupt
        /// No room: the disk's or the page limit's.
        case full
        /// Anything else; mostly an I/O error.
        case other
    }

    /// The extended result code.
    package let code: Int32
    package let message: String

    package var description: String { "\(message) (SQLite \(code))" }

    package var kind: Kind {
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY: .cannotOpen
        case SQLITE_NOTADB: .notADatabase
        case SQLITE_CORRUPT: .corrupt
        case SQLITE_FULL: .full
        case _: .other
        }
    }

    /// The file does not hold what this program wrote.
    static func corrupt(_ message: String) -> SQLiteError {
        SQLiteError(code: SQLITE_CORRUPT, message: message)
    }

    static func cannotOpen(_ message: String) -> SQLiteError {
        SQLiteError(code: SQLITE_CANTOPEN, message: message)
    }
}
