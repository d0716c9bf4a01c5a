// Hash keys for purposes of their own, all from the process's one.

internal import Ring

extension HashKey {
    /// What a derived key is for.
    enum Purpose: UInt8 {
        case ledgerHigh = 1
        case ledgerLow = 2
        case fingerprint = 3
        case connectionName = 4
        case connectionCheck = 5
    }

    /// A key that tells nothing about this one, nor about those for other purposes.
    func derived(_ purpose: Purpose) -> HashKey {
        // No channel's name begins with a control byte, so these are no hashes of names.
        let first: [UInt8] = [0, purpose.rawValue, 0]
        let second: [UInt8] = [0, purpose.rawValue, 1]
        return HashKey(sipHash13(first.span, key: self), sipHash13(second.span, key: self))
    }
}
