// Why a durable history can't be opened. What it is not: a failure while it is being written, which
// the writer lives with.

/// Each has one sentence for the person who starts the gateway.
package enum StoreError: Error, Equatable, CustomStringConvertible {
    /// The file can't be opened or made: folder, rights.
    case notOpened(path: String, reason: String)
    /// Another process has it open.
    case locked(path: String)
    /// It is a file of something else.
    case foreign(path: String)
    /// It was written by another version of this program.
    case unknownVersion(path: String, version: Int64, known: Int64)
    /// SQLite finds it damaged, or it does not hold what this program wrote.
    case damaged(path: String, detail: String)
    /// The disk is full or fails.
    case disk(path: String, reason: String)
    /// Its sequences are used up: 2^62 of them.
    case exhausted(path: String)

    package var description: String {
        switch self {
        case .notOpened(let path, let reason):
            "the durable history \(path) can't be opened: \(reason)"
        case .locked(let path):
            "the durable history \(path) is in use by another process"
        case .foreign(let path):
            "\(path) is not a durable history of carillon: name another file, or one that is not "
                + "there yet"
        case .unknownVersion(let path, let version, let known):
            "the durable history \(path) is of version \(version), and this program knows "
                + "version \(known)"
        case .damaged(let path, let detail):
            "the durable history \(path) is damaged (\(detail)): move it away to begin a new one"
        case .disk(let path, let reason):
            "the durable history \(path) can't be written: \(reason)"
        case .exhausted(let path):
            "the durable history \(path) has given out all its ids: move it away to begin a new one"
        }
    }

    init(_ error: SQLiteError, path: String) {
        self =
            switch error.kind {
            case .busy: .locked(path: path)
            case .cannotOpen: .notOpened(path: path, reason: error.message)
            case .notADatabase: .foreign(path: path)
            case .corrupt: .damaged(path: path, detail: error.message)
            case .full, .other: .disk(path: path, reason: error.message)
            }
    }
}
