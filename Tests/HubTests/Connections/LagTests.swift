@testable import Hub
import Ring
import Testing

@Suite struct LagTests {
    private let key = HashKey(1, 2)
    private let encoding = Encoding(.line)

    private func name(_ text: String) -> ChannelName { ChannelName(Array(text.utf8), key: key) }

    private func logged(_ sequence: UInt64, _ channel: String = "a", bytes: Int = 0) -> Logged {
        Logged(
            sequence: sequence,
            message: Message(
                channel: name(channel), kind: .text,
                payload: Array(repeating: 0x78, count: bytes), timeMilliseconds: 0))
    }

    /// What comes out: a message as its sequence, a frame and a gap as themselves.
    private func drained(_ lag: Lag) -> [String] {
        var all: [String] = []
        while let item = lag.popFirst() {
            switch item {
            case .message(let logged, _, _, _): all.append("\(logged.sequence)")
            case .frame(let bytes, _, _): all.append("frame \(bytes.count)")
            case .gap(let channel, _, _):
                all.append("gap \(String(decoding: channel.bytes, as: UTF8.self))")
            case .hole: Issue.record("a hole came out")
            }
        }
        return all
    }

    @Test func `what is put in comes out in order, and its cost is counted`() {
        let lag = Lag()
        #expect(lag.isEmpty && lag.bytes == 0 && lag.popFirst() == nil)
        for sequence: UInt64 in 1...20 { _ = lag.append(logged(sequence, bytes: 10), encoding) }
        lag.append([1, 2, 3], isText: true)
        #expect(lag.count == 21)
        #expect(lag.bytes == 20 * logged(1, bytes: 10).message.cost + 3)
        #expect(drained(lag) == (1...20).map { "\($0)" } + ["frame 3"])
        #expect(lag.isEmpty && lag.bytes == 0)
    }

    @Test func `taking out and putting in may alternate`() {
        let lag = Lag()
        var next: UInt64 = 1
        var due: UInt64 = 1
        for round in 0..<200 {
            for _ in 0..<(round % 5) {
                _ = lag.append(logged(next), encoding)
                next += 1
            }
            for _ in 0..<(round % 4) {
                guard case .message(let logged, _, _, _) = lag.popFirst() else { break }
                #expect(logged.sequence == due)
                due += 1
            }
            #expect(lag.count == Int(next - due))
        }
    }

    static let places: [(UInt64, UInt64)] = (0...6).flatMap { seen in (seen...6).map { (seen, $0) }
    }

    @Test(arguments: LagTests.places, 0...6)
    func `a past and what is live meanwhile are each told once, in order`(
        _ places: (seen: UInt64, through: UInt64), _ after: UInt64
    ) {
        let (seen, through) = places
        // Six messages. The client has all up to `after`; the queue holds those after `seen`; the
        // home tells what it has up to `through`. The home has come at least as far as the one that
        // asked.
        let lag = Lag()
        let live = (1...6).map { UInt64($0) }.filter { $0 > seen }
        for sequence in live { _ = lag.append(logged(sequence), encoding) }
        let past = (1...6).map { UInt64($0) }.filter { $0 > after && $0 <= through }
        lag.merge(
            past: past.map { logged($0) }, through: through, after: after, of: name("a"), encoding,
            gap: false)
        let waiting = live.filter { $0 > through && $0 > after }
        #expect(lag.bytes == waiting.reduce(0) { $0 + logged($1).message.cost })
        #expect(drained(lag) == (1...6).filter { $0 > after }.map { "\($0)" })
        #expect(lag.bytes == 0)
    }

    @Test func `pasts of several channels come in the order of their sequences, after every gap`() {
        let lag = Lag()
        _ = lag.append(logged(7, "a"), encoding)
        _ = lag.append(logged(8, "b"), encoding)
        _ = lag.append(logged(9, "c"), encoding)
        lag.merge(
            past: [logged(1, "a"), logged(5, "a"), logged(7, "a")], through: 8, after: 0,
            of: name("a"), encoding, gap: true)
        lag.merge(
            past: [logged(2, "b"), logged(6, "b")], through: 6, after: 1, of: name("b"), encoding,
            gap: true)
        #expect(drained(lag) == ["gap a", "gap b", "1", "2", "5", "6", "7", "8", "9"])
    }

    @Test func `a past is not counted as backlog, however often it is asked for`() {
        let lag = Lag()
        _ = lag.append(logged(9, bytes: 100), encoding)
        let live = lag.bytes
        for _ in 0..<3 {
            lag.merge(
                past: (1...8).map { logged($0, bytes: 1_000) }, through: 8, after: 0, of: name("a"),
                encoding, gap: false)
            #expect(lag.bytes == live)
            #expect(lag.count == 9)
        }
        _ = drained(lag)
        #expect(lag.bytes == 0)
    }

    @Test func `emptied, it holds nothing`() {
        let lag = Lag()
        _ = lag.append(logged(1), encoding)
        lag.removeAll()
        #expect(lag.isEmpty && lag.bytes == 0 && lag.popFirst() == nil)
    }

    // MARK: - Dropping

    private func channels(_ lag: Lag) -> String { drained(lag).joined(separator: " ") }

    @Test(arguments: [(5, 0, "1 2 3 4 5"), (4, 1, "gap a 2 3 4 5"), (0, 5, "gap a")])
    func `the oldest go until no more waits than may, and one gap stands in their place`(
        _ kept: Int, _ expected: Int, _ left: String
    ) {
        let lag = Lag()
        for sequence: UInt64 in 1...5 { _ = lag.append(logged(sequence), encoding, .droppable) }
        let bytes = kept * logged(1).message.cost
        // One byte less than so many messages hold one less.
        #expect(lag.shed(toBytes: bytes) == expected)
        #expect(lag.bytes == bytes)
        #expect(channels(lag) == left)
        #expect(lag.isEmpty && lag.bytes == 0)
    }

    @Test func `a byte less than what waits drops one more message`() {
        let lag = Lag()
        for sequence: UInt64 in 1...3 { _ = lag.append(logged(sequence), encoding, .droppable) }
        #expect(lag.shed(toBytes: 2 * logged(1).message.cost - 1) == 2)
        #expect(channels(lag) == "gap a 3")
    }

    @Test func `each channel has one gap, before its next message, however often some go`() {
        let lag = Lag()
        let cost = logged(1).message.cost
        for sequence: UInt64 in 1...40 {
            _ = lag.append(logged(sequence, sequence % 2 == 0 ? "b" : "a"), encoding, .droppable)
            _ = lag.shed(toBytes: 4 * cost)
        }
        #expect(channels(lag) == "gap a gap b 37 38 39 40")
        #expect(lag.items.capacity < 100)
    }

    @Test func `only what is droppable goes`() {
        let lag = Lag()
        _ = lag.append(logged(1, "firm"), encoding, .firm)
        _ = lag.append(logged(2), encoding, .droppable)
        lag.append([1, 2, 3], isText: true)
        _ = lag.append(logged(3, "latest"), encoding, .latest)
        _ = lag.append(logged(4), encoding, .droppable)
        #expect(lag.shed(toBytes: 0) == 2)
        #expect(lag.bytes == logged(1, "firm").message.cost + 3 + logged(3, "latest").message.cost)
        #expect(channels(lag) == "1 gap a frame 3 3")
    }

    @Test func `after some have been told, a gap is told anew`() {
        let lag = Lag()
        for sequence: UInt64 in 1...2 { _ = lag.append(logged(sequence), encoding, .droppable) }
        #expect(lag.shed(toBytes: logged(1).message.cost) == 1)
        guard case .gap = lag.popFirst(), case .message = lag.popFirst() else {
            Issue.record("a gap and a message were to come")
            return
        }
        for sequence: UInt64 in 3...4 { _ = lag.append(logged(sequence), encoding, .droppable) }
        #expect(lag.shed(toBytes: logged(1).message.cost) == 1)
        #expect(channels(lag) == "gap a 4")
    }

    @Test func `of the latest, the newest of each channel waits, behind what came before it`() {
        let lag = Lag()
        var replaced = 0
        for sequence: UInt64 in 1...99 {
            let channel = sequence % 3 == 0 ? "b" : "a"
            if lag.append(logged(sequence, channel), encoding, .latest) { replaced += 1 }
            if sequence == 50 { _ = lag.append(logged(50, "c"), encoding, .firm) }
        }
        #expect(replaced == 97)
        #expect(lag.count == 3 && lag.items.count < 3 + 2 * 17)
        #expect(lag.bytes == 3 * logged(1).message.cost)
        #expect(channels(lag) == "50 98 99")
    }

    @Test func `a newest that was told is not replaced`() {
        let lag = Lag()
        _ = lag.append(logged(1), encoding, .latest)
        _ = lag.popFirst()
        #expect(!lag.append(logged(2), encoding, .latest))
        #expect(channels(lag) == "2")
    }

    // MARK: - Age

    @Test(arguments: [(1_100, 0, "1 2 3"), (1_101, 1, "gap a 2 3"), (1_301, 3, "gap a")])
    func `what has waited longer than it may is dropped`(
        _ now: UInt64, _ expected: Int, _ left: String
    ) {
        let lag = Lag()
        for sequence: UInt64 in 1...3 {
            _ = lag.append(logged(sequence), encoding, .droppable, now: sequence * 100)
        }
        let outcome = lag.shedOverdue(now: now, millisecondsMax: 1_000)
        #expect(outcome.dropped == expected && !outcome.isOverdue)
        #expect(channels(lag) == left)
    }

    @Test(arguments: [(1_100, false), (1_101, true)])
    func `a message that may not be dropped, and a frame, are overdue`(
        _ now: UInt64, _ isOverdue: Bool
    ) {
        let firm = Lag()
        _ = firm.append(logged(1, "b"), encoding, .latest, now: 0)
        _ = firm.append(logged(2), encoding, .firm, now: 100)
        #expect(firm.shedOverdue(now: now, millisecondsMax: 1_000) == (0, isOverdue))
        #expect(firm.shedOverdue(now: now, millisecondsMax: 1_000) == (0, isOverdue))
        let frame = Lag()
        frame.append([1], isText: true, now: 100)
        #expect(frame.shedOverdue(now: now, millisecondsMax: 1_000) == (0, isOverdue))
    }

    @Test func `a past and the latest are never overdue`() {
        let lag = Lag()
        _ = lag.append(logged(9), encoding, .latest, now: 0)
        lag.merge(
            past: [logged(1)], through: 1, after: 0, of: name("a"), encoding, gap: false)
        #expect(lag.shedOverdue(now: 1_000_000, millisecondsMax: 1) == (0, false))
        #expect(channels(lag) == "1 9")
    }

    @Test func `the clock of ages may pass the end of its 32 bits`() {
        let lag = Lag()
        let start = UInt64(UInt32.max) - 10
        _ = lag.append(logged(1), encoding, .droppable, now: start)
        #expect(lag.shedOverdue(now: start + 1_000, millisecondsMax: 1_000) == (0, false))
        #expect(lag.shedOverdue(now: start + 1_001, millisecondsMax: 1_000) == (1, false))
    }

    @Test func `a gap is told before whatever came after the first message that it stands for`() {
        let lag = Lag()
        for (sequence, channel): (UInt64, String) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            _ = lag.append(logged(sequence, channel), encoding, channel == "a" ? .droppable : .firm)
        }
        #expect(lag.shed(toBytes: 0) == 2)
        #expect(channels(lag) == "gap a 2 4")
    }

    // MARK: - Joining

    @Test(arguments: [(7, "1 2 7 gap a 9"), (8, "1 2 7 8 9"), (9, "1 2 7 8 9")])
    func `a gap goes when the past tells what it stood for, and stays in its place otherwise`(
        _ through: UInt64, _ left: String
    ) {
        let lag = Lag()
        for sequence: UInt64 in 7...9 { _ = lag.append(logged(sequence), encoding, .droppable) }
        #expect(lag.shed(toBytes: logged(1).message.cost) == 2)
        let past = [1, 2, 7, 8, 9].filter { $0 <= through }.map { logged($0) }
        lag.merge(past: past, through: through, after: 0, of: name("a"), encoding, gap: false)
        #expect(channels(lag) == left)
    }

    @Test func `another channel's past leaves a gap where it stands`() {
        let lag = Lag()
        lag.merge(
            past: [logged(1), logged(2)], through: 2, after: 0, of: name("a"), encoding, gap: false)
        for sequence: UInt64 in 5...6 { _ = lag.append(logged(sequence), encoding, .droppable) }
        #expect(lag.shed(toBytes: logged(1).message.cost) == 1)
        lag.merge(
            past: [logged(3, "b")], through: 4, after: 0, of: name("b"), encoding, gap: true)
        // What goes now still finds that gap.
        #expect(lag.shed(toBytes: 0) == 1)
        #expect(channels(lag) == "gap b 1 2 3 gap a")
    }

    @Test func `what waits of a channel can be taken out`() {
        let lag = Lag()
        for sequence: UInt64 in 1...6 {
            _ = lag.append(logged(sequence, sequence % 2 == 0 ? "b" : "a"), encoding, .droppable)
        }
        #expect(lag.shed(toBytes: 4 * logged(1).message.cost) == 2)
        lag.remove(name("a"))
        #expect(lag.bytes == 2 * logged(1).message.cost)
        #expect(channels(lag) == "gap b 4 6")
    }

    @Test(arguments: seeds(50))
    func `any lag agrees with a plain array`(_ seed: UInt64) {
        var random = Random(seed: seed)
        let total = BacklogTotal()
        let lag = Lag(total)
        let standings: [String: Lag.Standing] = ["a": .droppable, "b": .latest, "c": .firm]
        /// A channel with a sequence; without one it is a gap.
        var model: [(channel: String, sequence: UInt64?)] = []
        let cost = logged(1).message.cost
        func counted() -> Int { model.count { $0.sequence != nil } * cost }
        for sequence: UInt64 in 1...600 {
            switch random.below(10) {
            case 0..<6:
                let channel = ["a", "b", "c"][random.below(3)]
                _ = lag.append(logged(sequence, channel), encoding, standings[channel]!)
                if channel == "b" { model.removeAll { $0.channel == "b" } }
                model.append((channel, sequence))
            case 6, 7:
                let bytes = random.below(20) * cost
                _ = lag.shed(toBytes: bytes)
                while counted() > bytes,
                    let index = model.firstIndex(where: { $0.channel == "a" && $0.sequence != nil })
                {
                    if model[..<index].contains(where: { $0.channel == "a" }) {
                        model.remove(at: index)
                    } else {
                        model[index].sequence = nil
                    }
                }
            case 8 where random.oneIn(10):
                lag.remove(name("a"))
                model.removeAll { $0.channel == "a" }
            default:
                for _ in 0..<random.below(4) {
                    guard let first = lag.popFirst() else { break }
                    let expected = model.removeFirst()
                    switch first {
                    case .message(let logged, _, _, _):
                        #expect(logged.sequence == expected.sequence, "seed \(seed)")
                    case .gap: #expect(expected.sequence == nil, "seed \(seed)")
                    case .frame, .hole: Issue.record("seed \(seed)")
                    }
                }
            }
            #expect(lag.count == model.count && lag.isEmpty == model.isEmpty, "seed \(seed)")
            #expect(lag.bytes == counted() && total.bytes == counted(), "seed \(seed)")
            #expect(lag.items.count <= 4 * max(lag.count, 17) + 2 * 17, "seed \(seed)")
        }
        let left = model.map { $0.sequence.map { "\($0)" } ?? "gap \($0.channel)" }
        #expect(drained(lag) == left, "seed \(seed)")
    }

    @Test func `what waits is counted in the loop's total until the lag goes`() {
        let total = BacklogTotal()
        var lag: Lag? = Lag(total)
        _ = lag?.append(logged(1), encoding)
        lag?.rimBytes += 10
        #expect(total.bytes == logged(1).message.cost + 10)
        lag = nil
        #expect(total.bytes == 0)
    }
}
