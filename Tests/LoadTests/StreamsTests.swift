// Who follows what, and which message belongs where.

import Testing

@testable import carillon_bench

@Suite struct StreamsTests {
    static let shapes = [(1, 1), (4, 4), (7, 3), (10, 5), (200, 1), (1000, 5), (1000, 256)]

    @Test(arguments: shapes)
    func `a subscriber follows as many different streams as it should`(_ count: Int, _ each: Int) {
        let streams = Streams(count: count, each: each, areChannels: true)
        for subscriber in 0..<(count * 3) {
            let followed = (0..<each).map { streams.stream(of: subscriber, at: $0) }
            #expect(Set(followed).count == each)
            #expect(followed.allSatisfy { (0..<count).contains($0) })
        }
    }

    @Test(arguments: shapes)
    func `every stream has as many followers as any other`(_ count: Int, _ each: Int) {
        let streams = Streams(count: count, each: each, areChannels: true)
        #expect(streams.audience(of: 0..<count * 2).allSatisfy { $0 == each * 2 })
    }

    @Test func `streams that meet in a subscriber lie far apart`() {
        let streams = Streams(count: 1000, each: 5, areChannels: true)
        for subscriber in 0..<10_000 {
            let followed = (0..<5).map { streams.stream(of: subscriber, at: $0) }.sorted()
            for (one, next) in zip(followed, followed.dropFirst() + [followed[0] + 1000]) {
                #expect(next - one >= 100)
            }
        }
    }

    @Test func `the messages of all streams are all messages`() {
        let streams = Streams(count: 7, each: 3, areChannels: true)
        for published in 0..<50 as Range<UInt64> {
            var counted = [UInt64](repeating: 0, count: 7)
            for sequence in 0..<published { counted[Int(sequence % 7)] += 1 }
            for stream in 0..<7 {
                let messages = streams.messages(of: stream, published: published)
                #expect(messages == counted[stream])
            }
        }
    }

    @Test func `a channel's name gives its stream back`() {
        let streams = Streams(count: 120, each: 3, areChannels: true)
        for stream in 0..<120 {
            let name = Array(streams.channel(of: stream, base: "b").utf8)
            let found = name.withUnsafeBytes { streams.stream(of: $0, base: [0x62]) }
            #expect(found == stream)
        }
    }

    @Test(arguments: [
        "b", "b-", "b-120", "b-07", "b-x", "c-7", "bb-7", "b-7 ", "", "b-1234567890123",
    ])
    func `any other name gives none`(_ name: String) {
        let streams = Streams(count: 120, each: 3, areChannels: true)
        let found = Array(name.utf8).withUnsafeBytes { streams.stream(of: $0, base: [0x62]) }
        #expect(found == nil)
    }
}

@Suite struct PlanTests {
    static func plan(_ subscribers: Int, threads: Int, processes: Int) throws -> Plan {
        let target = try Target(
            server: .carillon, transport: .ws, host: 0, port: 1, channel: "b", tls: nil)
        return Plan(
            target: target, subscribers: subscribers, threads: threads, processes: processes,
            pace: .window(8), bytes: 64, settleSeconds: 0, warmupSeconds: 0, seconds: 1,
            serverProcesses: [])
    }

    @Test(arguments: [(10, 1, 1), (10, 3, 1), (11, 2, 3), (100, 4, 7), (12, 3, 4)])
    func `workers share all subscribers, and evenly`(
        _ subscribers: Int, _ threads: Int, _ processes: Int
    ) throws {
        let plan = try Self.plan(subscribers, threads: threads, processes: processes)
        let shares = (0..<plan.workers).map { plan.subscribers(of: $0) }
        #expect(shares.flatMap { Array($0) } == Array(0..<subscribers))
        let sizes = shares.map(\.count)
        #expect(sizes.max()! - sizes.min()! <= 1)
    }

    @Test func `what is due is what each subscriber's streams have`() throws {
        var plan = try Self.plan(20, threads: 1, processes: 1)
        plan.streams = Streams(count: 6, each: 4, areChannels: true)
        let audience = plan.streams.audience(of: 0..<20)
        for published in 0..<30 as Range<UInt64> {
            var due: UInt64 = 0
            for subscriber in 0..<20 {
                for place in 0..<4 {
                    let stream = plan.streams.stream(of: subscriber, at: place)
                    due += plan.streams.messages(of: stream, published: published)
                }
            }
            #expect(plan.due(published, audience) == due)
        }
    }
}
