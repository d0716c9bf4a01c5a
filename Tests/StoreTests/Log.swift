// A whole log in one thread: ring, reader, writer, file; time by hand.

import Ring
import Synchronization
import Testing

@testable import Store

final class Log {
    let ring: BroadcastRing
    let progress: DurableProgress
    let pending: PendingLog
    let bell: LogBell
    let reader: LogReader
    let writer: LogWriter
    let history: HistoryDatabase
    let life: EarlierLife
    let wakeUps = Counter()
    let reports = Reports()
    var time: UInt64 = 1_000_000

    /// A count that a `@Sendable` closure may raise.
    final class Counter: Sendable {
        private let value = Atomic(0)
        func add() { value.add(1, ordering: .relaxed) }
        var count: Int { value.load(ordering: .relaxed) }
    }

    final class Reports: Sendable {
        private let said = Mutex<[String]>([])
        func add(_ sentence: String) { said.withLock { $0.append(sentence) } }
        var all: [String] { said.withLock { $0 } }
    }

    init(
        _ folder: Folder, slots: Int = 16, namespaces: [StoredNamespace] = usual,
        _ configure: (inout StoreLimits) -> Void = { _ in }
    ) throws {
        let opening = opening(folder, namespaces, configure)
        (history, life) = try HistoryDatabase.open(opening)
        ring = BroadcastRing(slots: slots, readers: 1, bytesMax: 1 << 30, start: life.start)
        progress = DurableProgress(start: life.start)
        pending = PendingLog(
            start: life.start, mark: history.mark, slots: slots, progress: progress,
            limits: opening.limits)
        bell = LogBell(sleepers: Sleepers(loops: 1), index: 0)
        reader = LogReader(
            ring: ring, index: 0, durability: namespaces.map(\.durability), pending: pending,
            bell: bell, limits: opening.limits)
        let wakeUps = wakeUps
        let reports = reports
        writer = LogWriter(
            history: history, pending: pending, progress: progress, bell: bell,
            limits: opening.limits, now: time,
            wakeLoops: { wakeUps.add() }, report: { reports.add($0) })
    }

    /// nil when the ring is full.
    @discardableResult
    func publish(_ channel: String = "d:a", _ text: String = "x", namespace: UInt8 = 1) -> UInt64? {
        switch ring.publish(message(channel, text, namespace: namespace)) {
        case .published(let sequence): sequence
        case .full, .tooLarge: nil
        }
    }

    /// Reads as far as it goes.
    func read() { while reader.turn(time) {} }

    @discardableResult
    func write() -> Bool { writer.turn(LogWriter.Now(monotonic: time, unix: now)) }

    /// Ends cleanly.
    func end() {
        bell.stop()
        read()
        reader.end()
        #expect(write())
    }

    /// Keeps SQLite from writing a page more, as a full disk does.
    func fillDisk(_ isFull: Bool) throws {
        let pages = isFull ? 1 : 1 << 20
        try history.database.run("PRAGMA max_page_count = \(pages)")
    }
}
