// Where a connection comes from, as far as limits go.

/// What the limits count as one address: an IPv4 address, or the first 64 bits of an IPv6 address,
/// since one customer has all that follow.
package struct PeerAddress: Hashable, Sendable {
    /// The IPv6 prefix. IPv4 stands under `0:ffff::/32`, which nobody has.
    let key: UInt64

    private static let mapped: UInt64 = 0x0000_FFFF

    /// - Parameter ipv4: first byte of the address highest.
    package init(ipv4: UInt32) {
        key = PeerAddress.mapped << 32 | UInt64(ipv4)
    }

    /// An IPv4 address that came as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2) is the IPv4 address.
    ///
    /// - Parameter high: the first eight bytes, first byte highest; `low`: the others.
    package init(ipv6 high: UInt64, _ low: UInt64) {
        let isMapped = high == 0 && low >> 32 == PeerAddress.mapped
        key = isMapped ? low : high
    }
}
