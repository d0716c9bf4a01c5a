import CSQLite
import Foundation
import Ring
import Testing

@testable import Store

/// What a file is taken for, and what a life may count on.
@Suite struct OpeningTests {
    private func refusal(_ opening: StoreOpening) -> StoreError? {
        do {
            _ = try HistoryDatabase.open(opening)
            return nil
        } catch { return error }
    }

    // MARK: - Files

    @Test func `a folder that is not there is said`() {
        let folder = Folder()
        var opening = opening(folder)
        opening.path = folder.path + "/nowhere/history"
        guard case .notOpened(let path, _) = refusal(opening) else {
            Issue.record("opened")
            return
        }
        #expect(path == opening.path)
    }

    @Test(arguments: ["", ":memory:"]) func `a file that is none is refused`(path: String) {
        var opening = opening(Folder())
        opening.path = path
        guard case .notOpened = refusal(opening) else {
            Issue.record("opened")
            return
        }
    }

    @Test func `a file that is open already is locked, until it is closed`() throws {
        let folder = Folder()
        do {
            let first = try HistoryDatabase.open(opening(folder)).0
            #expect(refusal(opening(folder)) == .locked(path: folder.file))
            try first.write([stored(1)])
            #expect(refusal(opening(folder)) == .locked(path: folder.file))
        }
        #expect(refusal(opening(folder)) == nil)
    }

    @Test func `a file of text is refused and not touched`() throws {
        let folder = Folder()
        let text = Data(String(repeating: "not a database\n", count: 500).utf8)
        try text.write(to: URL(filePath: folder.file))
        #expect(refusal(opening(folder)) == .foreign(path: folder.file))
        #expect(try Data(contentsOf: URL(filePath: folder.file)) == text)
    }

    @Test func `a database of somebody else is refused and not touched`() throws {
        let folder = Folder()
        do {
            let database = try Database(path: folder.file)
            try database.run("CREATE TABLE theirs (x)")
        }
        let before = try Data(contentsOf: URL(filePath: folder.file))
        #expect(refusal(opening(folder)) == .foreign(path: folder.file))
        #expect(try Data(contentsOf: URL(filePath: folder.file)) == before)
    }

    @Test(arguments: [0, 2]) func `a file of another version is refused by its number`(
        version: Int64
    ) throws {
        let folder = Folder()
        _ = try HistoryDatabase.open(opening(folder))
        do {
            let database = try Database(path: folder.file)
            try database.run("PRAGMA user_version = \(version)")
        }
        #expect(
            refusal(opening(folder))
                == .unknownVersion(path: folder.file, version: version, known: 1))
    }

    @Test func `a damaged file is refused, wherever the damage is`() throws {
        var random = Random.printed()
        let folder = Folder()
        do {
            let (history, _) = try HistoryDatabase.open(opening(folder))
            for sequence in 1...90 as ClosedRange<UInt64> {
                try history.write([
                    stored(sequence, "d:\(sequence % 7)", String(repeating: "x", count: 500))
                ])
            }
        }
        let whole = try Data(contentsOf: URL(filePath: folder.file))
        var refused = 0
        for _ in 0..<20 {
            var data = whole
            // A page of noise; the first one holds the header, by which the file is foreign.
            let page = Int.random(in: 0..<data.count / 4096, using: &random)
            for index in page * 4096..<(page + 1) * 4096 {
                data[index] = UInt8.random(in: 0...255, using: &random)
            }
            try data.write(to: URL(filePath: folder.file))
            switch refusal(opening(folder)) {
            case .damaged, .foreign: refused += 1
            case .none: break
            case .some(let other): Issue.record("\(other)")
            }
        }
        // Noise in a page that holds nothing but bytes of a payload is no damage that anyone can see.
        #expect(refused >= 15)
    }

    @Test func `a file with nothing of the log in it is damaged`() throws {
        let folder = Folder()
        _ = try HistoryDatabase.open(opening(folder))
        do { try Database(path: folder.file).run("DELETE FROM log") }
        guard case .damaged = refusal(opening(folder)) else {
            Issue.record("opened")
            return
        }
    }

    @Test func `sequences are used up at 2^62`() throws {
        for (mark, isPossible) in [(UInt64(1) << 62, true), (UInt64(1) << 62 + 1, false)] {
            let folder = Folder()
            do { try HistoryDatabase.open(opening(folder)).0.end(mark) }
            #expect((refusal(opening(folder)) == nil) == isPossible)
        }
    }

    // MARK: - Marks

    @Test
    func `after a clean end sequences go on; after a crash they begin behind the reservation`()
        throws
    {
        let folder = Folder()
        do {
            let (history, life) = try HistoryDatabase.open(opening(folder))
            #expect(life.start == 0)
            #expect(history.mark == 1_000)
            try history.write([stored(5)])
            try history.end(7)
        }
        do {
            let (_, life) = try HistoryDatabase.open(opening(folder))
            #expect(life.start == 7)
            #expect(life.wasClean)
        }
        do {
            let (history, life) = try HistoryDatabase.open(opening(folder))
            #expect(life.start == 1_007)
            #expect(!life.wasClean)
            var changes = StoreChanges()
            changes.mark = 5_000
            _ = try history.write(changes, nowUnixMilliseconds: now)
        }
        let (_, life) = try HistoryDatabase.open(opening(folder))
        #expect(life.start == 5_000)
        #expect(!life.wasClean)
    }

    // MARK: - What may be missing

    @Test func `memory: everything before this life`() throws {
        #expect(try after(clean: 7) { _ in }.floors[0] == 7)
        #expect(try after(clean: nil) { _ in }.floors[0] == 1_000)
    }

    @Test func `fsync: nothing but what was trimmed, also after a crash`() throws {
        for clean in [nil, 7] as [UInt64?] {
            let life = try after(clean: clean) { try $0.write([stored(3), stored(5)]) }
            #expect(life.floors[1] == 0)
            #expect(life.sequences("d:a") == [3, 5])
            #expect(life["d:a"]?.forgotten == 0)
        }
    }

    @Test func `interval: nothing after a clean end, and anything before this life after a crash`()
        throws
    {
        let write: (HistoryDatabase) throws -> Void = {
            try $0.write([stored(3, "i:a", namespace: 2)])
        }
        let clean = try after(clean: 7, write)
        #expect(clean.floors[2] == 0)
        #expect(clean["i:a"]?.forgotten == 0)
        let crashed = try after(clean: nil, write)
        #expect(crashed.floors[2] == 1_000)
        #expect(crashed.sequences("i:a") == [3])
        #expect(crashed["i:a"]?.forgotten == 1_000)
    }

    @Test func `what a crash made uncertain stays so after a clean end`() throws {
        let folder = Folder()
        do {
            let (history, _) = try HistoryDatabase.open(opening(folder))
            try history.write([stored(3, "i:a", namespace: 2)])
        }
        do { try HistoryDatabase.open(opening(folder)).0.end(1_001) }
        let (_, life) = try HistoryDatabase.open(opening(folder))
        #expect(life.start == 1_001)
        #expect(life.floors[2] == 1_000)
        #expect(life["i:a"]?.forgotten == 1_000)
    }

    @Test func `it is the earlier durability that decides what is there`() throws {
        var then = usual
        (then[1].durability, then[2].durability) = (.interval, .fsync)
        let life = try after(then: then, clean: nil) { history in
            try history.write([stored(3), stored(4, "i:a", namespace: 2)])
        }
        #expect(life.floors == [1_000, 0, 1_000])
        #expect(life["d:a"]?.forgotten == 0)
        #expect(life["i:a"]?.forgotten == 1_000)
    }

    // MARK: - Other namespaces than before

    @Test func `a channel whose namespace is not durable any more is dropped`() throws {
        var then = usual
        then[1].durability = .memory
        let folder = Folder()
        do {
            let (history, _) = try HistoryDatabase.open(opening(folder))
            try history.write([stored(1), stored(2, "i:a", namespace: 2)])
            try history.end(2)
        }
        do {
            let (history, life) = try HistoryDatabase.open(opening(folder, then))
            #expect(life["d:a"] == nil)
            #expect(life.sequences("i:a") == [2])
            #expect(life.floors == [2, 2, 0])
            #expect(try history.number("SELECT count(*) FROM messages") == 1)
            try history.end(4)
        }
        // And durable again: what was published meanwhile is not here.
        let (_, life) = try HistoryDatabase.open(opening(folder))
        #expect(life.floors == [4, 4, 0])
    }

    @Test func `a namespace that is new takes the floor of the one that held its channels`() throws
    {
        let news = StoredNamespace(name: Array("n".utf8), durability: .fsync)
        // They were held by the one without a name, in memory; or durably.
        #expect(try after(then: usual + [news], clean: 7) { _ in }.floors == [7, 0, 0, 7])
        var durable = usual
        durable[0].durability = .fsync
        #expect(
            try after(durable, then: durable + [news], clean: 7) { _ in }.floors == [0, 0, 0, 0])
    }

    @Test func `the one without a name takes the floors of those that are no more`() throws {
        var durable = usual
        durable[0].durability = .fsync
        let rest = [durable[0], durable[1]]
        // Of `i`, after a crash, nothing is certain.
        let life = try after(durable, then: rest, clean: nil) {
            try $0.write([stored(3, "i:a", namespace: 2), stored(4)])
        }
        #expect(life.floors == [1_000, 0])
        #expect(life["i:a"]?.forgotten == 1_000)
        #expect(life["d:a"]?.forgotten == 0)
        #expect(try after(durable, then: rest, clean: 9) { _ in }.floors == [0, 0])
    }

    @Test func `a channel is held to the bounds of its present namespace`() throws {
        var then = usual
        then[1].messagesMax = 2
        #expect(
            try after(then: then, clean: 9) { try $0.write((1...5).map { stored($0) }) }.sequences(
                "d:a") == [4, 5])
        then = usual
        then[1].bytesMax = 2 * message().cost
        let bytes = try after(then: then, clean: 9) { try $0.write((1...5).map { stored($0) }) }
        #expect(bytes.sequences("d:a") == [4, 5])
        #expect(bytes["d:a"]?.forgotten == 3)
        then = usual
        then[1].millisecondsMax = 1_000
        let age = try after(then: then, clean: 9, laterBy: 1_001) {
            try $0.write([stored(1), stored(2, time: now + 1)])
        }
        #expect(age.sequences("d:a") == [2])
        #expect(age["d:a"]?.forgotten == 1)
    }

    @Test func `what does not fit takes all before it along`() throws {
        var then = usual
        then[1].bytesMax = 3 * message().cost
        let life = try after(then: then, clean: 9) {
            try $0.write([
                stored(1), stored(2, "d:a", String(repeating: "x", count: 2_000)), stored(3),
            ])
        }
        #expect(life.sequences("d:a") == [3])
        #expect(life["d:a"]?.forgotten == 2)
    }

    @Test
    func `an age that is longer than before holds for what was written under the shorter one`()
        throws
    {
        var short = usual
        short[1].millisecondsMax = 1_000
        let folder = Folder()
        do {
            let (history, _) = try HistoryDatabase.open(opening(folder, short))
            try history.write([stored(1)])
        }
        let (history, _) = try HistoryDatabase.open(opening(folder, now: now + 500))
        try history.write([], sweeps: true, now: now + 2_000)
        #expect(try history.number("SELECT count(*) FROM messages") == 1)
    }
}
