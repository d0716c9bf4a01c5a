// The ledger and the ring between threads. Under ThreadSanitizer, too.

import Foundation
@testable import Hub
import Ring
import Synchronization
import Testing

@Suite struct PublishLedgerStressTests {
    /// What one thread was told.
    private struct PublishAnswer: Sendable {
        var ids: [Int: Set<UInt64>] = [:]
        var published: [Int: Int] = [:]
        var versions: [(sequence: UInt64, version: UInt64)] = []
    }

    private static let threads = 4
    private static let rounds = 4_000

    /// Runs `body` on every thread and gives what they were told.
    private func run(_ body: @escaping @Sendable (Int, inout PublishAnswer) -> Void)
        -> [PublishAnswer]
    {
        let all = Mutex<[PublishAnswer]>([])
        let done = DispatchSemaphore(value: 0)
        for thread in 0..<Self.threads {
            Thread.detachNewThread {
                var told = PublishAnswer()
                body(thread, &told)
                all.withLock { $0.append(told) }
                done.signal()
            }
        }
        for _ in 0..<Self.threads { done.wait() }
        return all.withLock { $0 }
    }

    private func message(_ channel: ChannelName) -> Message {
        Message(channel: channel, kind: .text, payload: [1], timeMilliseconds: 0)
    }

    @Test func `of the same key on all threads one message is published, and all get its id`() {
        let ledger = PublishLedger(limits: Limits(), hashKey: HashKey(1, 2))
        let ring = BroadcastRing(slots: 1 << 15, readers: 1, bytesMax: 1 << 30)
        let channel = ChannelName(Array("c".utf8), key: HashKey(1, 2))
        let rounds = Self.rounds
        let all = run { _, told in
            for round in 0..<rounds {
                let conditions = PublishConditions(
                    key: ledger.digest(of: "\(round)".utf8.span, on: channel), fingerprint: 1)
                let outcome = ledger.publish(on: channel, conditions, nowMilliseconds: 0) {
                    ring.publish(self.message(channel))
                }
                switch outcome {
                case .ring(.published(let sequence)):
                    told.ids[round, default: []].insert(sequence)
                    told.published[round, default: 0] += 1
                case .repeated(let sequence): told.ids[round, default: []].insert(sequence)
                case .ring, .keyReused, .outdated, .full: Issue.record("\(outcome)")
                }
            }
        }
        #expect(ring.published == UInt64(rounds))
        for round in 0..<rounds {
            let ids = all.reduce(into: Set<UInt64>()) { $0.formUnion($1.ids[round] ?? []) }
            let published = all.reduce(0) { $0 + ($1.published[round] ?? 0) }
            #expect(ids.count == 1 && published == 1, "key \(round): \(ids), \(published) times")
        }
    }

    @Test func `versions rise in the order of the ring, whichever thread publishes them`() {
        let ledger = PublishLedger(limits: Limits(), hashKey: HashKey(1, 2))
        let ring = BroadcastRing(slots: 1 << 15, readers: 1, bytesMax: 1 << 30)
        let channel = ChannelName(Array("c".utf8), key: HashKey(1, 2))
        let rounds = Self.rounds
        let next = Atomic<UInt64>(1)
        let all = run { _, told in
            for _ in 0..<rounds {
                let version = next.add(1, ordering: .relaxed).newValue
                let outcome = ledger.publish(
                    on: channel, PublishConditions(version: version), nowMilliseconds: 0
                ) { ring.publish(self.message(channel)) }
                if case .ring(.published(let sequence)) = outcome {
                    told.versions.append((sequence, version))
                }
            }
        }
        let order = all.flatMap(\.versions).sorted { $0.sequence < $1.sequence }
        #expect(order.count == Int(ring.published))
        #expect(order.last?.version == UInt64(Self.threads * rounds + 1))
        for (one, two) in zip(order, order.dropFirst()) where one.version >= two.version {
            Issue.record("version \(one.version) at \(one.sequence), then \(two.version)")
        }
    }

    @Test func `the count of what is remembered comes to rest at the truth`() {
        var limits = Limits()
        limits.rememberedPublishesMax = 500
        limits.idempotencyMilliseconds = 10
        let ledger = PublishLedger(limits: limits, hashKey: HashKey(1, 2))
        let rounds = Self.rounds
        _ = run { thread, _ in
            for round in 0..<rounds {
                let channel = ChannelName(Array("c\(round % 97)".utf8), key: HashKey(1, 2))
                let key = "\(thread)-\(round)"
                let conditions = PublishConditions(
                    key: ledger.digest(of: key.utf8.span, on: channel), fingerprint: 1)
                _ = ledger.publish(
                    on: channel, conditions, nowMilliseconds: UInt64(round / 50)
                ) { round % 3 == 0 ? .full : .published(1) }
                #expect(ledger.remembered <= 500 + Self.threads)
            }
        }
        ledger.sweep(part: 0, of: 1, nowMilliseconds: .max / 2)
        #expect(ledger.remembered == 0)
    }
}
