import Ring
import Testing

@testable import Store

/// What is written and what is trimmed; real files.
@Suite struct HistoryDatabaseTests {
    @Test func `a new file begins at 0 with the epoch it is given, and keeps it`() throws {
        let folder = Folder()
        do {
            let (_, life) = try HistoryDatabase.open(opening(folder, epoch: "first"))
            #expect(life.start == 0)
            #expect(life.wasClean)
            #expect(life.channels.isEmpty)
            #expect(life.floors == [0, 0, 0])
            #expect(life.epoch == Array("first".utf8))
        }
        let (_, life) = try HistoryDatabase.open(opening(folder, epoch: "second"))
        #expect(life.epoch == Array("first".utf8))
    }

    @Test func `what is written comes back as it was`() throws {
        let folder = Folder()
        let payloads: [[UInt8]] = [[], [0], Array(0...255), Array(repeating: 7, count: 100_000)]
        let kinds: [Message.Kind] = [.text, .binary, .json]
        let events: [[UInt8]?] = [nil, Array("edited".utf8)]
        var written: [StoredMessage] = []
        for (number, payload) in payloads.enumerated() {
            for kind in kinds {
                for event in events {
                    written.append(
                        StoredMessage(
                            sequence: UInt64(written.count * 3 + 1),
                            message: Message(
                                channel: name("d:\(number)"), namespace: 1, kind: kind,
                                event: event, payload: payload, sender: 99,
                                timeMilliseconds: now + UInt64(number),
                                timeToLiveMilliseconds: UInt32.max)))
                }
            }
        }
        do {
            let (history, _) = try HistoryDatabase.open(opening(folder))
            try history.write(written)
        }
        let (_, life) = try HistoryDatabase.open(opening(folder))
        let read = life.channels.flatMap(\.messages).sorted { $0.sequence < $1.sequence }
        try #require(read.count == written.count)
        for (one, other) in zip(read, written) {
            #expect(one.sequence == other.sequence)
            #expect(one.message.channel == other.message.channel)
            #expect(one.message.namespace == 1)
            #expect(one.message.kind == other.message.kind)
            #expect(one.message.event == other.message.event)
            #expect(one.message.payload == other.message.payload)
            #expect(one.message.timeMilliseconds == other.message.timeMilliseconds)
            #expect(one.message.timeToLiveMilliseconds == other.message.timeToLiveMilliseconds)
            // Nobody of an earlier life is connected.
            #expect(one.message.sender == 0)
        }
    }

    // MARK: - Bounds

    @Test(
        arguments: [(3, [1, 2, 3], 0), (4, [2, 3, 4], 1), (9, [7, 8, 9], 6)]
            as [(UInt64, [UInt64], UInt64)])
    func `a channel keeps so many messages`(count: UInt64, kept: [UInt64], forgotten: UInt64) throws
    {
        var namespaces = usual
        namespaces[1].messagesMax = 3
        // In one transaction and in one each.
        for batches in [[Array(1...count)], (1...count).map { [$0] }] {
            let life = try after(namespaces, then: usual, clean: count) { history in
                for batch in batches { try history.write(batch.map { stored($0) }) }
            }
            #expect(life.sequences("d:a") == kept)
            #expect(life["d:a"]?.forgotten == forgotten)
        }
    }

    @Test(arguments: [(0, [1, 2], 0), (1, [2], 1)] as [(Int, [UInt64], UInt64)])
    func `a channel keeps so many bytes`(over: Int, kept: [UInt64], forgotten: UInt64) throws {
        var namespaces = usual
        namespaces[1].bytesMax = 2 * message("d:a", "12345").cost
        let life = try after(namespaces, then: usual, clean: 2) { history in
            try history.write([stored(1, "d:a", "12345")])
            try history.write([stored(2, "d:a", "12345" + String(repeating: "6", count: over))])
        }
        #expect(life.sequences("d:a") == kept)
        #expect(life["d:a"]?.forgotten == forgotten)
    }

    @Test func `a message above all bytes of its channel is not kept, and missed`() throws {
        for isLastOnly in [false, true] {
            let tight = [
                usual[0],
                StoredNamespace(
                    name: Array("d".utf8), durability: .fsync, isLastOnly: isLastOnly, bytesMax: 400
                ),
            ]
            let life = try after(tight, then: usual, clean: 2) { history in
                try history.write([stored(1)])
                try history.write([stored(2, "d:a", String(repeating: "x", count: 400))])
            }
            #expect(life.sequences("d:a") == [])
            #expect(life["d:a"]?.forgotten == 2)
        }
    }

    @Test(arguments: [(0, [1, 2], 0), (1, [2], 1)] as [(UInt64, [UInt64], UInt64)])
    func `a channel keeps messages for so long`(over: UInt64, kept: [UInt64], forgotten: UInt64)
        throws
    {
        var namespaces = usual
        namespaces[1].millisecondsMax = 1_000
        let life = try after(namespaces, then: usual, clean: 2) { history in
            try history.write([stored(1, time: now)])
            try history.write([stored(2, time: now + 1_000)])
            try history.write([], sweeps: true, now: now + 1_000 + over)
        }
        #expect(life.sequences("d:a") == kept)
        #expect(life["d:a"]?.forgotten == forgotten)
    }

    @Test func `a message whose own time is up goes and is not missed`() throws {
        let life = try after(clean: 3) { history in
            try history.write([
                stored(1, lifetime: 9), stored(2, lifetime: 10), stored(3),
                stored(4, "d:b", lifetime: 9),
            ])
            try history.write([], sweeps: true, now: now + 10)
        }
        #expect(life.sequences("d:a") == [2, 3])
        #expect(life["d:a"]?.forgotten == 0)
        #expect(life["d:b"]?.forgotten == 0)
    }

    @Test func `a sweep takes so many rows, and says that there are more`() throws {
        let folder = Folder()
        let (history, _) = try HistoryDatabase.open(opening(folder) { $0.sweepRowsMax = 4 })
        try history.write((1...10).map { stored($0, time: now) })
        var changes = StoreChanges()
        changes.sweeps = true
        let late = now + 300_001
        #expect(try history.write(changes, nowUnixMilliseconds: late).hasMoreToSweep)
        #expect(try history.number("SELECT count(*) FROM messages") == 6)
        #expect(try history.write(changes, nowUnixMilliseconds: late).hasMoreToSweep)
        #expect(try !history.write(changes, nowUnixMilliseconds: late).hasMoreToSweep)
        #expect(try history.number("SELECT count(*) FROM messages") == 0)
    }

    @Test func `where only the newest is kept, it is all there is, and older ones are not missed`()
        throws
    {
        let last = [
            usual[0], StoredNamespace(name: Array("d".utf8), durability: .fsync, isLastOnly: true),
        ]
        let life = try after(last, clean: 9) { history in
            try history.write([stored(1), stored(2)])
            try history.write([], lost: [("d:a", 1, 3), ("d:b", 1, 4)])
            try history.write([stored(5), stored(6, "d:c")])
            try history.write([], lost: [("d:c", 1, 7)])
        }
        #expect(life.sequences("d:a") == [5])
        #expect(life["d:a"]?.forgotten == 0)
        // What took no one's place is missing.
        #expect(life["d:b"]?.forgotten == 4)
        #expect(life["d:c"]?.forgotten == 7)
    }

    // MARK: - Channels

    @Test func `a channel whose messages are gone is remembered, then spoken for by its namespace`()
        throws
    {
        let folder = Folder()
        let (history, _) = try HistoryDatabase.open(opening(folder))
        try history.write([stored(1), stored(2, "d:b", time: now + 300_000)])
        try history.write([], sweeps: true, now: now + 300_001)
        #expect(try history.number("SELECT count(*) FROM channels") == 2)
        #expect(history.floors == [0, 0, 0])
        // Its last message was published at `now`; an hour is allowed.
        try history.write([], sweeps: true, now: now + 3_600_000)
        #expect(try history.number("SELECT count(*) FROM channels") == 2)
        try history.write([], sweeps: true, now: now + 3_600_001)
        #expect(try history.number("SELECT count(*) FROM channels") == 1)
        #expect(history.floors == [0, 1, 0])
        // It comes back: what it had before is spoken for by its own row from now on.
        try history.write([stored(3, time: now + 3_600_001)])
        try history.end(3)
        #expect(try history.number("SELECT forgotten FROM channels WHERE emptied IS NULL") == 1)
        #expect(try history.number("SELECT max(floor) FROM namespaces") == 1)
    }

    @Test func `a channel that has a message again is not forgotten for having been empty`() throws
    {
        let folder = Folder()
        let (history, _) = try HistoryDatabase.open(opening(folder))
        try history.write([stored(1)])
        try history.write([], sweeps: true, now: now + 300_001)
        // In the same transaction, and before the sweep sees the row.
        try history.write([stored(2, time: now + 9_000_000)], sweeps: true, now: now + 9_000_000)
        #expect(try history.number("SELECT count(*) FROM channels") == 1)
        try history.write([], sweeps: true, now: now + 9_000_001)
        #expect(try history.number("SELECT count(*) FROM channels") == 1)
        #expect(history.floors == [0, 0, 0])
    }

    @Test func `a message for one channel too many is refused, and missed by all of its namespace`()
        throws
    {
        let folder = Folder()
        let (history, _) = try HistoryDatabase.open(opening(folder) { $0.channelsMax = 2 })
        var changes = StoreChanges()
        changes.messages = [
            stored(1, "d:a"), stored(2, "d:b"), stored(3, "d:c"), stored(4, "d:a"),
            stored(5, "d:d"),
        ]
        #expect(try history.write(changes, nowUnixMilliseconds: now).refused == [3, 5])
        #expect(history.floors == [0, 5, 0])
        #expect(try history.number("SELECT count(*) FROM messages") == 3)
    }

    @Test func `sums that memory has thrown away are read again`() throws {
        var namespaces = usual
        namespaces[1].messagesMax = 3
        let folder = Folder()
        do {
            let (history, _) = try HistoryDatabase.open(
                opening(folder, namespaces) { $0.booksMax = 0 })
            for sequence in 1...9 as ClosedRange<UInt64> {
                try history.write([stored(sequence), stored(sequence + 100, "d:b")])
                #expect(history.books.isEmpty)
            }
            try history.end(200)
        }
        let (_, life) = try HistoryDatabase.open(opening(folder))
        #expect(life.sequences("d:a") == [7, 8, 9])
        #expect(life.sequences("d:b") == [107, 108, 109])
        #expect(life["d:b"]?.forgotten == 106)
    }

    // MARK: - Failures

    @Test func `a write that fails changes nothing, and the next one that fits is whole`() throws {
        let folder = Folder()
        let (history, _) = try HistoryDatabase.open(opening(folder) { $0.pagesMax = 40 })
        try history.write([stored(1), stored(2)])
        let large = String(repeating: "x", count: 400_000)
        #expect(throws: SQLiteError.self) {
            try history.write(
                [stored(3), stored(4, "d:b"), stored(5, "d:c", large)], lost: [("d:z", 1, 9)])
        }
        #expect(try history.number("SELECT count(*) FROM messages") == 2)
        #expect(history.channelCount == 1)
        try history.write([stored(6), stored(7, "d:b")])
        #expect(history.channelCount == 2)
        #expect(try history.number("SELECT group_concat(sequence, '') FROM messages") == 1267)
    }

    @Test func `a full file is written again once something has expired`() throws {
        let folder = Folder()
        let (history, _) = try HistoryDatabase.open(opening(folder) { $0.pagesMax = 40 })
        let large = String(repeating: "x", count: 100_000)
        try history.write([stored(1, "d:a", large)])
        #expect(throws: SQLiteError.self) { try history.write([stored(2, "d:b", large)]) }
        try history.write([], sweeps: true, now: now + 300_001)
        try history.write([stored(3, "d:b", large)])
        #expect(try history.number("SELECT group_concat(sequence, '') FROM messages") == 3)
    }

    @Test func `a file that has been full of messages many times over does not grow`() throws {
        var namespaces = usual
        namespaces[1].messagesMax = 10
        let folder = Folder()
        let (history, _) = try HistoryDatabase.open(opening(folder, namespaces))
        var pages: [UInt64] = []
        for round in 0..<8 as Range<UInt64> {
            for sequence in 1...50 as ClosedRange<UInt64> {
                try history.write([
                    stored(round * 50 + sequence, "d:a", String(repeating: "x", count: 5_000))
                ])
            }
            pages.append(try #require(try history.number("PRAGMA page_count")))
        }
        #expect(pages.last! <= pages[1], "\(pages)")
    }
}
