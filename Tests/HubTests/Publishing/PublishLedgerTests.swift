// The ledger alone: a counter stands for the ring.

@testable import Hub
import Ring
import Testing

private func name(_ text: String) -> ChannelName {
    ChannelName(Array(text.utf8), key: HashKey(1, 2))
}

/// A ledger and the ring behind it.
private final class Book {
    let ledger: PublishLedger
    var sequence: UInt64 = 0
    var isFull = false

    init(_ configure: (inout Limits) -> Void = { _ in }) {
        var limits = Limits()
        configure(&limits)
        ledger = PublishLedger(limits: limits, hashKey: HashKey(1, 2))
    }

    func publish(
        _ channel: String = "c", key: String? = nil, version: UInt64? = nil,
        fingerprint: UInt64 = 1, at now: UInt64 = 0
    ) -> PublishLedger.Outcome {
        let channel = name(channel)
        let conditions = PublishConditions(
            key: key.map { ledger.digest(of: $0.utf8.span, on: channel) },
            fingerprint: fingerprint, version: version)
        return ledger.publish(on: channel, conditions, nowMilliseconds: now) {
            if isFull { return .full }
            sequence += 1
            return .published(sequence)
        }
    }
}

@Suite struct PublishLedgerTests {
    @Test func `a key is published once on its channel, and anew on another`() {
        let book = Book()
        #expect(book.publish("a", key: "k") == .ring(.published(1)))
        #expect(book.publish("a", key: "k") == .repeated(1))
        #expect(book.publish("b", key: "k") == .ring(.published(2)))
        #expect(book.publish("a", key: "l") == .ring(.published(3)))
        #expect(book.publish("ak", key: "") == .ring(.published(4)))
    }

    @Test func `a key with another message is refused`() {
        let book = Book()
        _ = book.publish(key: "k", fingerprint: 1)
        #expect(book.publish(key: "k", fingerprint: 2) == .keyReused)
        #expect(book.sequence == 1)
    }

    @Test(arguments: [(599_999, false), (600_000, true)] as [(UInt64, Bool)])
    func `a key is remembered for ten minutes`(_ later: UInt64, _ isForgotten: Bool) {
        let book = Book()
        _ = book.publish(key: "k", at: 1_000)
        let again = book.publish(key: "k", at: 1_000 + later)
        #expect((again == .ring(.published(2))) == isForgotten)
        #expect(book.ledger.remembered == 1)
    }

    @Test func `a repeat does not lengthen a key's time`() {
        let book = Book { $0.idempotencyMilliseconds = 100 }
        _ = book.publish(key: "k", at: 0)
        #expect(book.publish(key: "k", at: 99) == .repeated(1))
        #expect(book.publish(key: "k", at: 100) == .ring(.published(2)))
    }

    @Test func `a version is published if it is higher than the last`() {
        let book = Book()
        #expect(book.publish(version: 0) == .ring(.published(1)))
        #expect(book.publish(version: 0) == .outdated(last: 0))
        #expect(book.publish(version: 7) == .ring(.published(2)))
        #expect(book.publish(version: 6) == .outdated(last: 7))
        #expect(book.publish(version: 7) == .outdated(last: 7))
        #expect(book.publish(version: .max) == .ring(.published(3)))
        #expect(book.publish("other", version: 1) == .ring(.published(4)))
    }

    @Test(arguments: [(3_599_999, false), (3_600_000, true)] as [(UInt64, Bool)])
    func `a version is remembered for an hour after the last one published`(
        _ later: UInt64, _ isForgotten: Bool
    ) {
        let book = Book()
        _ = book.publish(version: 4, at: 0)
        _ = book.publish(version: 5, at: 1_000)
        let again = book.publish(version: 1, at: 1_000 + later)
        #expect((again == .ring(.published(3))) == isForgotten)
    }

    @Test func `a repeated key is a repeat, whatever version has come since`() {
        let book = Book()
        _ = book.publish(key: "k", version: 3)
        _ = book.publish(version: 4)
        #expect(book.publish(key: "k", version: 3) == .repeated(1))
        #expect(book.publish(key: "l", version: 4) == .outdated(last: 4))
        // A skipped key was not published, and may be, later.
        #expect(book.publish(key: "l", version: 5) == .ring(.published(3)))
    }

    @Test func `nothing is kept of what the ring refused`() {
        let book = Book()
        book.isFull = true
        #expect(book.publish(key: "k", version: 9) == .ring(.full))
        #expect(book.ledger.remembered == 0)
        book.isFull = false
        #expect(book.publish(key: "k", version: 1) == .ring(.published(1)))
        #expect(book.ledger.remembered == 2)
    }

    @Test func `as many as the limit are remembered, one more is refused`() {
        let book = Book { $0.rememberedPublishesMax = 3 }
        #expect(book.publish("a", key: "1", version: 1) == .ring(.published(1)))
        #expect(book.publish("b", key: "2") == .ring(.published(2)))
        #expect(book.publish("c", key: "3") == .full)
        #expect(book.publish("d", version: 1) == .full)
        // What is remembered already needs no room.
        #expect(book.publish("a", version: 2) == .ring(.published(3)))
        #expect(book.publish("b", key: "2") == .repeated(2))
        #expect(book.publish("e") == .ring(.published(4)))
        #expect(book.ledger.remembered == 3)
    }

    @Test func `at the limit what has expired makes room, on whichever channel`() {
        let book = Book {
            $0.rememberedPublishesMax = 100
            $0.idempotencyMilliseconds = 1_000
        }
        for number in 0..<100 {
            #expect(book.publish("c\(number)", key: "k", at: 0) != .full)
        }
        #expect(book.publish("new", key: "k", at: 999) == .full)
        for number in 0..<100 {
            #expect(book.publish("new\(number)", key: "k", at: 1_000) != .full)
        }
        #expect(book.ledger.remembered <= 100)
    }

    @Test func `sweeping forgets what nobody comes back to`() {
        let book = Book()
        for number in 0..<1_000 { _ = book.publish("c\(number)", key: "k", version: 1, at: 0) }
        #expect(book.ledger.remembered == 2_000)
        for part in 0..<3 { book.ledger.sweep(part: part, of: 3, nowMilliseconds: 599_999) }
        #expect(book.ledger.remembered == 2_000)
        for part in 0..<3 { book.ledger.sweep(part: part, of: 3, nowMilliseconds: 600_000) }
        #expect(book.ledger.remembered == 1_000)
        for part in 0..<3 { book.ledger.sweep(part: part, of: 3, nowMilliseconds: 3_600_000) }
        #expect(book.ledger.remembered == 0)
    }

    @Test(arguments: seeds(100))
    func `it agrees with a model that remembers everything`(_ seed: UInt64) {
        var random = Random(seed: seed)
        let book = Book {
            $0.idempotencyMilliseconds = 100
            $0.channelMemoryMillisecondsMax = 300
        }
        var keys: [String: (fingerprint: UInt64, sequence: UInt64, expires: UInt64)] = [:]
        var versions: [String: (last: UInt64, expires: UInt64)] = [:]
        var now: UInt64 = 0
        for step in 0..<1_000 {
            now += UInt64(random.below(8))
            book.isFull = random.oneIn(9)
            let channel = "c\(random.below(5))"
            let key = random.oneIn(3) ? nil : "k\(random.below(10))"
            let version = random.oneIn(2) ? nil : UInt64(random.below(50))
            let print = UInt64(random.below(2))
            let place = channel + "/" + (key ?? "")
            let outcome = book.publish(
                channel, key: key, version: version, fingerprint: print, at: now)
            let wanted: PublishLedger.Outcome
            if key != nil, let known = keys[place], known.expires > now {
                wanted = known.fingerprint == print ? .repeated(known.sequence) : .keyReused
            } else if let version, let known = versions[channel], known.expires > now,
                version <= known.last
            {
                wanted = .outdated(last: known.last)
            } else if book.isFull {
                wanted = .ring(.full)
            } else {
                wanted = .ring(.published(book.sequence))
                if key != nil { keys[place] = (print, book.sequence, now + 100) }
                if let version { versions[channel] = (version, now + 300) }
            }
            #expect(outcome == wanted, "seed \(seed), step \(step)")
        }
    }
}
