// The numbers a close frame may carry, and names for those this gateway sends.

/// Close codes, RFC 6455 §7.4 and the IANA registry.
package enum WebSocketCloseCode {
    package static let normal: UInt16 = 1000
    package static let goingAway: UInt16 = 1001
    package static let protocolError: UInt16 = 1002
    package static let unsupportedData: UInt16 = 1003
    package static let invalidPayload: UInt16 = 1007
    package static let policyViolation: UInt16 = 1008
    package static let messageTooBig: UInt16 = 1009
    package static let internalError: UInt16 = 1011
    package static let serviceRestart: UInt16 = 1012
    package static let tryAgainLater: UInt16 = 1013

    /// Whether `code` may stand in a close frame.
    ///
    /// 1004 is undefined; 1005, 1006 and 1015 only report what never came in a frame (RFC 6455
    /// §7.4.1); 1016–2999 are unassigned; 3000–4999 belong to libraries and applications (§7.4.2).
    package static func isAllowedInFrame(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
