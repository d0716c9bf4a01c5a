@testable import Hub
import Ring
import Testing

@Suite struct HistoryTests {
    private let channel = ChannelName(Array("c".utf8), key: HashKey(1, 2))

    private func logged(
        _ sequence: UInt64, bytes: Int = 0, time: UInt64 = 0, timeToLive: UInt32 = 0
    ) -> Logged {
        Logged(
            sequence: sequence,
            message: Message(
                channel: channel, kind: .text, payload: Array(repeating: 0, count: bytes),
                timeMilliseconds: time, timeToLiveMilliseconds: timeToLive))
    }

    private func limits(
        _ mode: Namespace.History = .log, messages: Int = 100, bytes: Int = .max,
        milliseconds: UInt64 = 1_000
    ) -> Namespace {
        var namespace = Namespace()
        namespace.history = mode
        namespace.historyMessagesMax = messages
        namespace.historyBytesMax = bytes
        namespace.historyMillisecondsMax = milliseconds
        return namespace
    }

    private func sequences(
        _ history: History, after: UInt64 = 0, limit: Int = .max, now: UInt64 = 0
    )
        -> [UInt64]
    {
        history.after(after, limit: limit, nowUnixMilliseconds: now).map(\.sequence)
    }

    @Test func `an empty history keeps nothing and says what was forgotten before it`() {
        let history = History(forgotten: 5)
        #expect(history.isEmpty && history.bytes == 0)
        #expect(history.forgotten == 5)
        #expect(sequences(history).isEmpty)
    }

    @Test(arguments: [(3, [1, 2, 3], 0), (4, [2, 3, 4], 1)] as [(UInt64, [UInt64], UInt64)])
    func `three are kept of three, and the last three of four`(
        _ count: UInt64, _ kept: [UInt64], _ forgotten: UInt64
    ) {
        var history = History(forgotten: 0)
        for sequence in 1...count {
            history.append(logged(sequence), limits(messages: 3), nowUnixMilliseconds: 0)
        }
        #expect(sequences(history) == kept)
        #expect(history.forgotten == forgotten)
    }

    @Test func `bytes at the limit are kept, one more is not`() {
        let cost = logged(1, bytes: 10).message.cost
        var exact = History(forgotten: 0)
        var over = History(forgotten: 0)
        for sequence: UInt64 in 1...2 {
            exact.append(
                logged(sequence, bytes: 10), limits(bytes: 2 * cost), nowUnixMilliseconds: 0
            )
            over.append(
                logged(sequence, bytes: 10), limits(bytes: 2 * cost - 1),
                nowUnixMilliseconds: 0)
        }
        #expect(sequences(exact) == [1, 2] && exact.bytes == 2 * cost)
        #expect(sequences(over) == [2] && over.bytes == cost && over.forgotten == 1)
    }

    @Test func `a message larger than all may be is not kept, and counts as forgotten`() {
        var history = History(forgotten: 0)
        history.append(logged(1, bytes: 10), limits(bytes: 100), nowUnixMilliseconds: 0)
        #expect(history.isEmpty && history.bytes == 0 && history.forgotten == 1)
    }

    @Test(arguments: [(2_000, [1, 2], 0), (2_001, [2], 1)] as [(UInt64, [UInt64], UInt64)])
    func `a message of the age is kept, an older one is not`(
        _ now: UInt64, _ kept: [UInt64], _ forgotten: UInt64
    ) {
        var history = History(forgotten: 0)
        history.append(logged(1, time: 1_000), limits(), nowUnixMilliseconds: 1_000)
        history.append(logged(2, time: 1_500), limits(), nowUnixMilliseconds: 1_500)
        history.expire(limits(), nowUnixMilliseconds: now)
        #expect(sequences(history) == kept)
        #expect(history.forgotten == forgotten)
    }

    @Test func `a new message drives out those too old`() {
        var history = History(forgotten: 0)
        history.append(logged(1, time: 0), limits(), nowUnixMilliseconds: 0)
        history.append(logged(2, time: 5_000), limits(), nowUnixMilliseconds: 5_000)
        #expect(sequences(history) == [2])
    }

    @Test func `after any sequence come those above it, up to the limit`() {
        var history = History(forgotten: 0)
        let kept: [UInt64] = [3, 5, 6, 10, 11]
        // Dropping some first, so that the oldest kept is not the first of the array.
        for sequence in [1, 2] + kept {
            history.append(logged(sequence), limits(messages: 5), nowUnixMilliseconds: 0)
        }
        for after: UInt64 in 0...12 {
            for limit in [0, 1, 2, 5, 6, Int.max] {
                #expect(
                    sequences(history, after: after, limit: limit)
                        == Array(kept.filter { $0 > after }.prefix(limit)))
            }
        }
    }

    // MARK: - Messages with a time of their own

    @Test(arguments: [(1_300, [1, 2, 3]), (1_301, [1, 3])] as [(UInt64, [UInt64])])
    func `a message is seen as long as it lives, and is not missing afterwards`(
        _ now: UInt64, _ seen: [UInt64]
    ) {
        var history = History(forgotten: 0)
        history.append(logged(1, time: 1_000), limits(), nowUnixMilliseconds: 1_000)
        history.append(
            logged(2, bytes: 10, time: 1_000, timeToLive: 300), limits(),
            nowUnixMilliseconds: 1_000)
        history.append(logged(3, time: 1_000), limits(), nowUnixMilliseconds: 1_000)
        #expect(sequences(history, now: now) == seen)
        #expect(sequences(history, limit: 2, now: now) == Array(seen.prefix(2)))
        history.dropExpired(nowUnixMilliseconds: now)
        #expect(history.count == seen.count && history.forgotten == 0)
        #expect(
            history.bytes == seen.reduce(0) { $0 + ($1 == 2 ? 10 : 0) + logged(1).message.cost })
        #expect(history.contains(2) == seen.contains(2) && history.contains(3))
    }

    @Test func `one that is driven out after its time is not forgotten, one before is`() {
        for (now, forgotten) in [(1_300, 1), (1_301, 0)] as [(UInt64, UInt64)] {
            var history = History(forgotten: 0)
            let limits = limits(messages: 1)
            history.append(
                logged(1, time: 1_000, timeToLive: 300), limits, nowUnixMilliseconds: 1_000)
            history.append(logged(2, time: now), limits, nowUnixMilliseconds: now)
            #expect(sequences(history) == [2])
            #expect(history.forgotten == forgotten)
        }
    }

    @Test func `one whose time is up when it comes is not kept`() {
        var history = History(forgotten: 0)
        history.append(logged(1, time: 0, timeToLive: 5), limits(), nowUnixMilliseconds: 6)
        #expect(history.isEmpty && history.bytes == 0 && history.forgotten == 0)
    }

    // MARK: - The newest alone

    @Test func `of the newest alone, older ones are superseded, not forgotten`() {
        var history = History(forgotten: 9)
        for sequence: UInt64 in 10...12 {
            history.append(logged(sequence), limits(.last), nowUnixMilliseconds: 0)
        }
        #expect(sequences(history) == [12] && history.forgotten == 0)
        #expect(history.bytes == logged(12).message.cost)
    }

    @Test func `a newest that has aged, or was too large, is forgotten`() {
        var history = History(forgotten: 0)
        history.append(logged(1), limits(.last), nowUnixMilliseconds: 0)
        history.expire(limits(.last), nowUnixMilliseconds: 1_000)
        #expect(sequences(history) == [1])
        history.expire(limits(.last), nowUnixMilliseconds: 1_001)
        #expect(history.isEmpty && history.forgotten == 1)
        history.append(logged(2, bytes: 500), limits(.last, bytes: 600), nowUnixMilliseconds: 0)
        #expect(history.isEmpty && history.forgotten == 2)
        history.append(logged(3), limits(.last, bytes: 600), nowUnixMilliseconds: 0)
        #expect(sequences(history) == [3] && history.forgotten == 0)
    }

    @Test func `an age without end is no age`() {
        var history = History(forgotten: 0)
        let limits = limits(.last, milliseconds: .max)
        history.append(logged(1, time: 1_000), limits, nowUnixMilliseconds: 1_000)
        history.expire(limits, nowUnixMilliseconds: .max)
        #expect(sequences(history) == [1])
    }

    @Test func `a clock that is set back ages nothing`() {
        var history = History(forgotten: 0)
        history.append(logged(1, time: 5_000), limits(), nowUnixMilliseconds: 1_000)
        #expect(sequences(history) == [1])
    }

    @Test func `only the oldest can be evicted, by its sequence`() {
        var history = History(forgotten: 0)
        for sequence: UInt64 in [3, 5] {
            history.append(logged(sequence), limits(), nowUnixMilliseconds: 0)
        }
        for (sequence, isOldest) in [(2, false), (5, false), (3, true), (3, false), (5, true)]
            as [(UInt64, Bool)]
        {
            let isGone = history.evict(sequence, nowUnixMilliseconds: 0)
            #expect(isGone == isOldest)
        }
        #expect(history.isEmpty && history.bytes == 0 && history.forgotten == 5)
    }

    @Test(arguments: seeds(20))
    func `any history agrees with a plain array`(_ seed: UInt64) {
        var random = Random(seed: seed)
        var history = History(forgotten: 0)
        var model: [Logged] = []
        var forgotten: UInt64 = 0
        let limits = limits(messages: 1 + random.below(20), bytes: 6_000, milliseconds: 500)
        var now: UInt64 = 10_000
        var sequence: UInt64 = 0
        for _ in 0..<500 {
            now += UInt64(random.below(60))
            sequence += 1 + UInt64(random.below(3))
            let message = logged(sequence, bytes: random.below(900), time: now)
            history.append(message, limits, nowUnixMilliseconds: now)
            model.append(message)
            while model.count > limits.historyMessagesMax
                || model.reduce(0, { $0 + $1.message.cost }) > limits.historyBytesMax
                || (model.first.map { $0.message.timeMilliseconds + 500 < now } ?? false)
            {
                forgotten = model.removeFirst().sequence
            }
            #expect(sequences(history) == model.map(\.sequence), "seed \(seed)")
            #expect(history.count == model.count && history.forgotten == forgotten, "seed \(seed)")
            #expect(history.bytes == model.reduce(0) { $0 + $1.message.cost }, "seed \(seed)")
        }
    }
}
