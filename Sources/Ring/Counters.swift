// What the loops count. What it is not: a histogram, or a place for anything that decides.

import Synchronization

/// The figures that each loop keeps. `connections`, `subscriptions` and `historyBytes` go up and
/// down; the others only up.
package enum Counter: Int, CaseIterable, Sendable {
    /// Open connections.
    case connections
    /// Subscriptions of all open connections.
    case subscriptions
    /// Messages put into the ring.
    case published
    /// Messages handed to connections, once per subscriber.
    case delivered
    /// Bytes read from connections, plaintext.
    case bytesIn
    /// Bytes written to connections; under TLS, ciphertext.
    case bytesOut
    /// Publishes refused since the ring was full.
    case refusedFull
    /// Requests and commands refused by a limit or a rule.
    case refused
    /// Connections refused: too many in all, or of or from one address.
    case refusedConnections
    /// Publishes and commands refused since their connection sent too many a second.
    case refusedRate
    /// Requests and messages refused since too much was held of others that were not whole.
    case refusedInbound
    /// Connections closed since they did not keep up.
    case slowClosed
    /// Messages dropped for connections that did not keep up, under the policy `drop-oldest`.
    case slowDropped
    /// Messages that waited for connections that did not keep up, and that a newer one took the
    /// place of, under the policy `latest`.
    case slowSuperseded
    /// The cost of what the histories hold, bytes.
    case historyBytes
    /// Messages that histories let go of since the loop's share of memory was full.
    case historyEvicted
    /// Resumptions that could not be served whole.
    case gaps
    /// Connections closed for an error of theirs or of the network.
    case errors
}

/// One set of counters per loop, each set in lines of its own; written by its loop, read by anyone.
package final class Counters: Sendable {
    private let sets: PaddedArray<CounterSet>

    /// - Parameter loops: 1 or more.
    package init(loops: Int) {
        precondition(loops >= 1, "counters for \(loops) loops")
        sets = PaddedArray(count: loops) { _ in CounterSet() }
    }

    /// Adds to one loop's counter. Loop `loop` only.
    ///
    /// - Parameter amount: may be negative for what goes down again.
    package func add(_ loop: Int, _ counter: Counter, _ amount: Int = 1) {
        // Load and store apart instead of a locked add: only this loop writes here. Relaxed:
        // figures order nothing.
        let set = sets[loop]
        let old = set.pointee.values[counter.rawValue].load(ordering: .relaxed)
        set.pointee.values[counter.rawValue].store(
            old &+ UInt64(bitPattern: Int64(amount)), ordering: .relaxed)
    }

    /// The sum over all loops, each at some recent time. Any thread.
    package func total(_ counter: Counter) -> UInt64 {
        var sum: UInt64 = 0
        for loop in 0..<sets.count { sum &+= value(loop, counter) }
        return sum
    }

    /// One loop's figure. Any thread.
    package func value(_ loop: Int, _ counter: Counter) -> UInt64 {
        // Relaxed: as in `add`.
        sets[loop].pointee.values[counter.rawValue].load(ordering: .relaxed)
    }
}

/// Room for every `Counter`; a subscript out of bounds would trap.
private struct CounterSet: ~Copyable, Sendable {
    let values = InlineArray<32, Atomic<UInt64>> { _ in Atomic(0) }
}
