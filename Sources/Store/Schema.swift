// The file's tables. What it is not: how they are read and written.

/// What stands in the file. The log's sequence is the rowid of `messages`, so that what is written
/// goes to the end of the tree.
///
/// | table | what |
/// | --- | --- |
/// | `log` | one row: the epoch; `mark`, up to where sequences may have been given; whether the last life ended cleanly, and `mark` is exact |
/// | `namespaces` | those of the last life: durability, and the sequence up to which a channel without a row may have lost messages |
/// | `channels` | name; highest sequence that is no longer kept; when its last message was published, once none is kept |
/// | `messages` | all that is kept |
enum Schema {
    /// "Cari": tells our files from those of others (`file` shows it).
    static let applicationID = 0x4361_7269
    static let version = 1

    static let statements = [
        """
        CREATE TABLE log (
            id INTEGER PRIMARY KEY CHECK (id = 1), epoch BLOB NOT NULL, mark INTEGER NOT NULL,
            clean INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE namespaces (
            name BLOB PRIMARY KEY, durability INTEGER NOT NULL, floor INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE channels (
            id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, forgotten INTEGER NOT NULL,
            emptied INTEGER) STRICT
        """,
        """
        CREATE TABLE messages (
            sequence INTEGER PRIMARY KEY, channel INTEGER NOT NULL, kind INTEGER NOT NULL,
            time INTEGER NOT NULL, lifetime INTEGER NOT NULL, expires INTEGER NOT NULL,
            cost INTEGER NOT NULL, event BLOB, payload BLOB NOT NULL) STRICT
        """,
        "CREATE INDEX messages_of_channel ON messages (channel, sequence, cost)",
        "CREATE INDEX messages_by_expiry ON messages (expires)",
        "CREATE INDEX channels_emptied ON channels (emptied) WHERE emptied IS NOT NULL",
        "PRAGMA application_id = \(applicationID)",
        "PRAGMA user_version = \(version)",
    ]
}

/// The statements of the running history, prepared once.
struct Statements {
    let begin, commit, rollBack: Statement
    let findChannel, addChannel, changeChannel, dropChannel, emptiedChannels: Statement
    let sums, oldest, dropThrough, add, expired, drop: Statement
    let changeFloor, changeLog: Statement

    init(_ database: Database) throws(SQLiteError) {
        begin = try database.prepare("BEGIN IMMEDIATE")
        commit = try database.prepare("COMMIT")
        rollBack = try database.prepare("ROLLBACK")
        findChannel = try database.prepare("SELECT id FROM channels WHERE name = ?1")
        addChannel = try database.prepare(
            "INSERT INTO channels (name, forgotten) VALUES (?1, ?2) RETURNING id")
        changeChannel = try database.prepare(
            "UPDATE channels SET forgotten = ?2, emptied = ?3 WHERE id = ?1")
        dropChannel = try database.prepare("DELETE FROM channels WHERE id = ?1")
        emptiedChannels = try database.prepare(
            "SELECT id, name, forgotten FROM channels WHERE emptied < ?1 LIMIT ?2")
        sums = try database.prepare(
            """
            SELECT count(*), ifnull(sum(cost), 0), (SELECT forgotten FROM channels WHERE id = ?1),
                (SELECT emptied FROM channels WHERE id = ?1)
            FROM messages WHERE channel = ?1
            """)
        oldest = try database.prepare(
            """
            SELECT sequence, cost, time, lifetime FROM messages WHERE channel = ?1 ORDER BY sequence
            """)
        dropThrough = try database.prepare(
            "DELETE FROM messages WHERE channel = ?1 AND sequence <= ?2")
        add = try database.prepare(
            """
            INSERT INTO messages
                (sequence, channel, kind, time, lifetime, expires, cost, event, payload)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            """)
        expired = try database.prepare(
            """
            SELECT sequence, channel, cost, time, lifetime FROM messages WHERE expires < ?1 LIMIT ?2
            """)
        drop = try database.prepare("DELETE FROM messages WHERE sequence = ?1")
        changeFloor = try database.prepare("UPDATE namespaces SET floor = ?2 WHERE name = ?1")
        changeLog = try database.prepare("UPDATE log SET mark = ?1, clean = ?2")
    }
}
