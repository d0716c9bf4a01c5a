// What was published under a condition: with an idempotency key, or with a version. Shared by all
// loops. What it is not: a history; it knows no message, and forgets after its time.

package import Ring
internal import Synchronization

/// The conditions under which a message is to be published.
struct PublishConditions {
    /// What ``PublishLedger/digest(of:on:)`` makes of a key.
    var key: Digest?
    /// Tells the message from others that come under the same key.
    var fingerprint: UInt64 = 0
    var version: UInt64?
}

/// Sees to it that a key is published once on its channel, and that versions rise on theirs.
///
/// Two requests for one channel may reach two loops at the same time. Whoever takes the lock of the
/// channel's stripe first looks, publishes and records under it, so that the other one finds the
/// record; and versions enter the ring in the order in which they were compared. The ring never
/// waits, so neither does who holds the lock. Messages without conditions do not come here.
///
/// Nothing is kept of a refused publish. Nothing outlives the process.
package final class PublishLedger: Sendable {
    enum Outcome: Equatable {
        /// What the ring said.
        case ring(BroadcastRing.Outcome)
        /// The key was published before, under this sequence.
        case repeated(UInt64)
        /// The key was published before, with another message.
        case keyReused
        /// This version, or a higher one, was published before.
        case outdated(last: UInt64)
        /// There is no room to remember one more, and so no protection: nothing was published.
        case full
    }

    private struct KeyRecord: Sendable {
        let fingerprint: UInt64
        let sequence: UInt64
    }

    /// Conditions, as the tables know them.
    private struct Asked {
        let key: Digest?
        let fingerprint: UInt64
        let version: (channel: Digest, number: UInt64)?
    }

    private struct Records: Sendable {
        var keys = ExpiringTable<KeyRecord>()
        var versions = ExpiringTable<UInt64>()
    }

    /// The channels whose hashes share some bits.
    private final class Stripe: Sendable {
        private let records = Mutex<Records>(Records())
        /// Written under the lock, at the end of each turn at it, and read at the start: the lock
        /// alone would do, but ThreadSanitizer can't see into `Mutex` on Linux.
        private let turn = Atomic(false)

        func withRecords<Result: Sendable>(_ body: (inout Records) -> Result) -> Result {
            records.withLock { records in
                _ = turn.load(ordering: .acquiring)
                defer { turn.store(true, ordering: .releasing) }
                return body(&records)
            }
        }
    }

    private static let stripeCount = 64
    /// Expired entries that one publish takes out: two, so that they go faster than they come.
    private static let expiredPerPublish = 2
    /// Expired entries that a sweep takes out of each stripe under one lock.
    private static let expiredPerSweep = 1_024

    private let stripes = (0..<stripeCount).map { _ in Stripe() }
    /// Keys and versions remembered. Relaxed throughout: it guards no memory.
    private let count = Atomic(0)
    private let entriesMax: Int
    private let keyMilliseconds: UInt64
    private let versionMilliseconds: UInt64
    private let highKey: HashKey
    private let lowKey: HashKey

    /// - Parameter hashKey: the process's.
    package init(limits: Limits, hashKey: HashKey) {
        entriesMax = limits.rememberedPublishesMax
        keyMilliseconds = limits.idempotencyMilliseconds
        versionMilliseconds = limits.channelMemoryMillisecondsMax
        highKey = hashKey.derived(.ledgerHigh)
        lowKey = hashKey.derived(.ledgerLow)
    }

    /// Keys and versions remembered at present. Any thread.
    package var remembered: Int { count.load(ordering: .relaxed) }

    /// Calls `put`, if the conditions hold, and records what comes of it. Any thread.
    ///
    /// - Parameters:
    ///   - now: monotonic milliseconds.
    ///   - put: puts the message into the ring. It must neither wait nor come back here.
    func publish(
        on channel: ChannelName, _ conditions: PublishConditions, nowMilliseconds now: UInt64,
        _ put: () -> BroadcastRing.Outcome
    ) -> Outcome {
        let asked = Asked(
            key: conditions.key, fingerprint: conditions.fingerprint,
            // No key is empty.
            version: conditions.version.map { (digest(of: [UInt8]().span, on: channel), $0) })
        let stripe = stripes[stripeIndex(channel)]
        let outcome = stripe.withRecords { publish(&$0, asked, now, put) }
        // Room that only another stripe can give back.
        guard outcome == .full, expireAnything(nowMilliseconds: now) else { return outcome }
        return stripe.withRecords { publish(&$0, asked, now, put) }
    }

    private func publish(
        _ records: inout Records, _ asked: Asked, _ now: UInt64,
        _ put: () -> BroadcastRing.Outcome
    ) -> Outcome {
        drop(&records, now, limit: Self.expiredPerPublish)
        // The key first: a repeat is a repeat, whatever version has come since.
        if let key = asked.key, let record = records.keys.value(key, nowMilliseconds: now) {
            return record.fingerprint == asked.fingerprint
                ? .repeated(record.sequence) : .keyReused
        }
        if let version = asked.version,
            let last = records.versions.value(version.channel, nowMilliseconds: now),
            version.number <= last
        {
            return .outdated(last: last)
        }
        var new = 0
        if let key = asked.key, !records.keys.contains(key) { new += 1 }
        if let version = asked.version, !records.versions.contains(version.channel) { new += 1 }
        guard reserve(new) else { return .full }
        let outcome = put()
        guard case .published(let sequence) = outcome else {
            count.subtract(new, ordering: .relaxed)
            return .ring(outcome)
        }
        if let key = asked.key {
            records.keys.set(
                key, KeyRecord(fingerprint: asked.fingerprint, sequence: sequence),
                expiresMilliseconds: now + keyMilliseconds)
        }
        if let version = asked.version {
            records.versions.set(
                version.channel, version.number, expiresMilliseconds: now + versionMilliseconds)
        }
        return .ring(outcome)
    }

    private func reserve(_ new: Int) -> Bool {
        guard new > 0 else { return true }
        if count.add(new, ordering: .relaxed).newValue <= entriesMax { return true }
        count.subtract(new, ordering: .relaxed)
        return false
    }

    // MARK: - Forgetting

    /// Forgets what has expired, a bounded amount of it. Any thread; each loop, now and then.
    ///
    /// - Parameters:
    ///   - part: which of the stripes: those of `part` of `parts`.
    func sweep(part: Int, of parts: Int, nowMilliseconds now: UInt64) {
        guard remembered > 0 else { return }
        for index in stride(from: part, to: stripes.count, by: parts) {
            stripes[index].withRecords { records in
                _ = drop(&records, now, limit: Self.expiredPerSweep)
            }
        }
    }

    /// - Returns: whether something was forgotten.
    private func expireAnything(nowMilliseconds now: UInt64) -> Bool {
        stripes.contains { stripe in
            stripe.withRecords { records in
                drop(&records, now, limit: Self.expiredPerPublish) > 0
            }
        }
    }

    @discardableResult
    private func drop(_ records: inout Records, _ now: UInt64, limit: Int) -> Int {
        let dropped =
            records.keys.expire(nowMilliseconds: now, limit: limit)
            + records.versions.expire(nowMilliseconds: now, limit: limit)
        if dropped > 0 { count.subtract(dropped, ordering: .relaxed) }
        return dropped
    }

    // MARK: - Digests

    private func stripeIndex(_ channel: ChannelName) -> Int {
        Int(truncatingIfNeeded: channel.hash >> 24) & (Self.stripeCount - 1)
    }

    /// Stands for a channel's idempotency key, of any length.
    func digest(of key: Span<UInt8>, on channel: ChannelName) -> Digest {
        Digest(high: hash(channel, key, highKey), low: hash(channel, key, lowKey))
    }

    private func hash(
        _ channel: ChannelName, _ key: Span<UInt8>, _ hashKey: HashKey
    ) -> UInt64 {
        var hasher = SipHasher(hashKey)
        hasher.append(channel.bytes.span)
        // A channel's name holds no control byte, so 0 ends it.
        hasher.append(UInt8(0))
        hasher.append(key)
        return hasher.finish()
    }
}
