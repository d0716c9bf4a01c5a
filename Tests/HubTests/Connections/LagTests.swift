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
            case .gap(let channel, _):
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
}
