// Who may connect: the count of all connections and of each address, over all loops.

internal import Synchronization

/// Shared by all loops. With neither limit on addresses set, an accept costs one atomic addition.
package final class Turnstile: Sendable {
    enum Outcome {
        /// - Parameter counted: to be given back by ``Turnstile/release(_:)``.
        case admitted(counted: PeerAddress?)
        case refused(Refusal)
    }

    /// Which limit a connection is over.
    enum Refusal: Equatable {
        case connections(limit: Int, value: Int)
        case address(limit: Int, value: Int)
        case rate(limit: Int)
    }

    /// What is known of one address.
    private struct Entry {
        var open: Int32 = 0
        var connects = Meter()
    }

    /// Part of the addresses; by their hash, so that loops seldom wait for each other.
    private final class Stripe: Sendable {
        let entries = Mutex<[UInt64: Entry]>([:])
        let sweptAt = Atomic<UInt64>(0)
    }

    private static let stripeCount = 64
    /// Addresses of one stripe. One that finds no room is let in uncounted: the limit on all
    /// connections still holds.
    static let entriesPerStripeMax = 4_096
    /// Between two looks through a stripe that is full.
    private static let sweepMilliseconds: UInt64 = 100

    private let limits: Limits
    private let stripes: [Stripe]
    private let count = Atomic(0)

    init(limits: Limits) {
        self.limits = limits
        stripes = (0..<Turnstile.stripeCount).map { _ in Stripe() }
    }

    /// Connections admitted and not released. Any thread.
    package var connectionCount: Int { count.load(ordering: .relaxed) }

    /// Addresses that are held at present. Any thread.
    var addressCount: Int {
        stripes.reduce(0) { sum, stripe in sum + stripe.entries.withLock { $0.count } }
    }

    /// Counts a connection, unless it is one too many. Any thread.
    ///
    /// - Parameter address: nil for a Unix socket, and where no limit on addresses is set.
    func admit(_ address: PeerAddress?, nowMilliseconds: UInt64) -> Outcome {
        // Relaxed, here and below: the figure orders nothing, and each addition sees all before it.
        let open = count.add(1, ordering: .relaxed).newValue
        guard open <= limits.connectionsMax else {
            count.subtract(1, ordering: .relaxed)
            return .refused(.connections(limit: limits.connectionsMax, value: open))
        }
        guard let address, limits.countsAddresses else { return .admitted(counted: nil) }
        let outcome = admit(address, nowMilliseconds)
        if case .refused = outcome { count.subtract(1, ordering: .relaxed) }
        return outcome
    }

    private func admit(_ address: PeerAddress, _ nowMilliseconds: UInt64) -> Outcome {
        let stripe = stripe(of: address)
        return stripe.entries.withLock { entries in
            if entries.count >= Turnstile.entriesPerStripeMax, entries[address.key] == nil {
                sweep(stripe, &entries, nowMilliseconds)
                guard entries.count < Turnstile.entriesPerStripeMax else {
                    return .admitted(counted: nil)
                }
            }
            var entry = entries[address.key] ?? Entry()
            let open = Int(entry.open) + 1
            if limits.connectionsPerAddressMax > 0, open > limits.connectionsPerAddressMax {
                return .refused(.address(limit: limits.connectionsPerAddressMax, value: open))
            }
            if limits.connectsPerSecondMax > 0,
                !entry.connects.admits(
                    perSecond: limits.connectsPerSecondMax, nowMilliseconds: nowMilliseconds)
            {
                return .refused(.rate(limit: limits.connectsPerSecondMax))
            }
            entry.open += 1
            entries[address.key] = entry
            return .admitted(counted: address)
        }
    }

    /// An admitted connection has closed. Any thread.
    func release(_ counted: PeerAddress?) {
        count.subtract(1, ordering: .relaxed)
        guard let counted else { return }
        stripe(of: counted).entries.withLock { entries in
            guard var entry = entries[counted.key] else { return }
            entry.open -= 1
            if entry.open == 0, limits.connectsPerSecondMax == 0 {
                entries[counted.key] = nil
            } else {
                entries[counted.key] = entry
            }
        }
    }

    /// Drops addresses of which nothing is open and against which nothing is held.
    private func sweep(
        _ stripe: Stripe, _ entries: inout [UInt64: Entry], _ nowMilliseconds: UInt64
    ) {
        // Under the stripe's lock, so load and store may stand apart.
        let sweptAt = stripe.sweptAt.load(ordering: .relaxed)
        guard sweptAt == 0 || nowMilliseconds >= sweptAt + Turnstile.sweepMilliseconds else {
            return
        }
        stripe.sweptAt.store(nowMilliseconds, ordering: .relaxed)
        entries = entries.filter {
            $0.value.open > 0 || !$0.value.connects.isFull(nowMilliseconds: nowMilliseconds)
        }
    }

    private func stripe(of address: PeerAddress) -> Stripe {
        // Swift's hash, seeded anew by each process: nobody can aim for one stripe.
        stripes[Int(UInt(bitPattern: address.hashValue) % UInt(Turnstile.stripeCount))]
    }
}

extension Limits {
    /// Whether a connection's address matters.
    package var countsAddresses: Bool { connectionsPerAddressMax > 0 || connectsPerSecondMax > 0 }
}
