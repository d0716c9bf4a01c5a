// Counting connections, in all and by address.

@testable import Hub
import Testing

@Suite struct TurnstileTests {
    private func turnstile(_ configure: (inout Limits) -> Void) -> Turnstile {
        var limits = Limits()
        configure(&limits)
        return Turnstile(limits: limits)
    }

    private func admits(
        _ turnstile: Turnstile, _ address: PeerAddress? = nil, at now: UInt64 = 0
    ) -> Bool {
        switch turnstile.admit(address, nowMilliseconds: now) {
        case .admitted: true
        case .refused: false
        }
    }

    private func reason(_ outcome: Turnstile.Outcome) -> Turnstile.Refusal? {
        if case .refused(let refusal) = outcome { refusal } else { nil }
    }

    private let one = PeerAddress(ipv4: 0x7F00_0001)
    private let other = PeerAddress(ipv4: 0x7F00_0002)

    @Test func `as many connections as the limit, one more is refused, and one for one that ends`()
    {
        let turnstile = turnstile { $0.connectionsMax = 3 }
        for _ in 0..<3 {
            let isAdmitted = admits(turnstile)
            #expect(isAdmitted)
        }
        let refusal = reason(turnstile.admit(nil, nowMilliseconds: 0))
        #expect(refusal == .connections(limit: 3, value: 4))
        #expect(turnstile.connectionCount == 3)
        turnstile.release(nil)
        let isAdmitted = admits(turnstile)
        #expect(isAdmitted)
    }

    @Test func `each address has its own count, and a refused connection leaves none`() {
        let turnstile = turnstile { $0.connectionsPerAddressMax = 2 }
        for address in [one, one, other, other] {
            let isAdmitted = admits(turnstile, address)
            #expect(isAdmitted)
        }
        let refusal = reason(turnstile.admit(one, nowMilliseconds: 0))
        #expect(refusal == .address(limit: 2, value: 3))
        #expect(turnstile.connectionCount == 4)
        turnstile.release(one)
        #expect(admits(turnstile, one))
        #expect(!admits(turnstile, one))
        for address in [one, one, other, other] { turnstile.release(address) }
        #expect(turnstile.connectionCount == 0)
        #expect(turnstile.addressCount == 0)
    }

    @Test func `a connection without an address is counted in all only`() {
        let turnstile = turnstile { $0.connectionsPerAddressMax = 1 }
        for _ in 0..<5 { #expect(admits(turnstile)) }
        #expect(turnstile.addressCount == 0)
    }

    @Test func `connects of an address are metered, also those that have closed`() {
        let turnstile = turnstile { $0.connectsPerSecondMax = 2 }
        for _ in 0..<2 {
            #expect(admits(turnstile, one, at: 100))
            turnstile.release(one)
        }
        let refusal = reason(turnstile.admit(one, nowMilliseconds: 100))
        #expect(refusal == .rate(limit: 2))
        #expect(turnstile.connectionCount == 0)
        #expect(admits(turnstile, other, at: 100))
        #expect(!admits(turnstile, one, at: 599))
        #expect(admits(turnstile, one, at: 600))
    }

    @Test func `the table is bounded: what is past is dropped, what finds no room is let in`() {
        let turnstile = turnstile { $0.connectsPerSecondMax = 1 }
        let room = 64 * Turnstile.entriesPerStripeMax
        for number in 0..<UInt32(room + room / 4) {
            let address = PeerAddress(ipv4: number)
            let outcome = turnstile.admit(address, nowMilliseconds: 1)
            guard case .admitted(let counted) = outcome else {
                Issue.record("address \(number) was refused")
                return
            }
            turnstile.release(counted)
        }
        #expect(turnstile.addressCount <= room)
        #expect(turnstile.connectionCount == 0)
        // A second later all of them are forgotten, as soon as there is need.
        for number in 0..<UInt32(room / 4) {
            let address = PeerAddress(ipv4: 0x8000_0000 + number)
            if case .admitted(let counted) = turnstile.admit(address, nowMilliseconds: 2_000) {
                turnstile.release(counted)
            }
        }
        #expect(turnstile.addressCount < room / 2)
    }

    // MARK: - Addresses

    @Test func `of IPv6 the first 64 bits count`() {
        let prefix: UInt64 = 0x2001_0DB8_0000_0001
        #expect(PeerAddress(ipv6: prefix, 1) == PeerAddress(ipv6: prefix, .max))
        #expect(PeerAddress(ipv6: prefix, 1) != PeerAddress(ipv6: prefix + 1, 1))
    }

    @Test func `an IPv4 address in IPv6 clothes is the IPv4 address`() {
        #expect(PeerAddress(ipv6: 0, 0x0000_FFFF_7F00_0001) == one)
        #expect(PeerAddress(ipv6: 0, 1) != PeerAddress(ipv4: 1))
        #expect(PeerAddress(ipv4: 0) != PeerAddress(ipv6: 0, 0))
    }
}
