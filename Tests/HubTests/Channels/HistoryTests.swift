@testable import Hub
import Ring
import Testing

@Suite struct HistoryTests {
    private let channel = ChannelName(Array("c".utf8), key: HashKey(1, 2))

    private func logged(_ sequence: UInt64, bytes: Int = 0, time: UInt64 = 0) -> Logged {
        Logged(
            sequence: sequence,
            message: Message(
                channel: channel, kind: .text, payload: Array(repeating: 0, count: bytes),
                timeMilliseconds: time))
    }

    private func limits(messages: Int = 100, bytes: Int = .max, milliseconds: UInt64 = 1_000)
        -> Namespace
    {
        var namespace = Namespace()
        namespace.historyMessagesMax = messages
        namespace.historyBytesMax = bytes
        namespace.historyMillisecondsMax = milliseconds
        return namespace
    }

    private func sequences(_ history: History, after: UInt64 = 0, limit: Int = .max, now: UInt64 = 0)
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
