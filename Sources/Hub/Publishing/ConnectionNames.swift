// The names by which a publisher excludes a connection. Nothing is kept for them: a name holds its
// connection.

internal import Ring

/// Makes and reads connections' names: 32 lowercase hexadecimal digits, opaque to clients.
///
/// The second half is a keyed hash of the peer, the first the peer's bits, masked by a keyed hash
/// of the second half. So names can't be guessed, counted through or told apart by age, and those
/// of another process, whose key is another, name nobody.
struct ConnectionNames: Sendable {
    static let digits = 32

    private let nameKey: HashKey
    private let checkKey: HashKey

    init(hashKey: HashKey) {
        nameKey = hashKey.derived(.connectionName)
        checkKey = hashKey.derived(.connectionCheck)
    }

    func name(of peer: Peer) -> [UInt8] {
        let check = hash(peer.raw, checkKey)
        return hexadecimal(peer.raw ^ hash(check, nameKey)) + hexadecimal(check)
    }

    /// The peer that was given `name`; one with a raw value of 0, which is nobody, when none of
    /// this process was; nil when it can't be a name.
    func peer(named name: Span<UInt8>) -> Peer? {
        guard name.count == Self.digits, let masked = number(name.extracting(0..<16)),
            let check = number(name.extracting(16..<32))
        else { return nil }
        let raw = masked ^ hash(check, nameKey)
        return Peer(raw: hash(raw, checkKey) == check ? raw : 0)
    }

    private func hash(_ word: UInt64, _ key: HashKey) -> UInt64 {
        var hasher = SipHasher(key)
        hasher.append(word)
        return hasher.finish()
    }

    private func hexadecimal(_ word: UInt64) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return (0..<16).map { digits[Int(truncatingIfNeeded: word >> (60 - 4 * $0)) & 15] }
    }

    private func number(_ digits: Span<UInt8>) -> UInt64? {
        var word: UInt64 = 0
        for index in digits.indices {
            let digit = digits[index]
            switch digit {
            case 0x30...0x39: word = word << 4 | UInt64(digit - 0x30)
            case 0x61...0x66: word = word << 4 | UInt64(digit - 0x61 + 10)
            case _: return nil
            }
        }
        return word
    }
}
