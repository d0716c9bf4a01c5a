// What is agreed on compression: RFC 7692 §7.1. The compressing itself is the Deflate module's.

/// Negotiation of permessage-deflate, server side.
///
/// No connection keeps zlib state: the server asks for no context takeover in both directions. So a
/// message is compressed once per loop and window size, for all who subscribe to it.
package enum PermessageDeflate {
    package static let name = "permessage-deflate"
    /// What this server compresses with. A window of 256 bytes (8 bits) cannot be had from zlib in
    /// the raw form that WebSocket uses, so such an offer is declined.
    package static let serverWindowBitsRange = 9...15

    /// What was agreed on.
    package struct Agreement: Equatable, Sendable {
        /// The window of the messages to this client, base-2 logarithm of bytes: 9…15.
        package var serverWindowBits: Int
        /// Whether the offer asked for a window; then the answer must repeat it (§7.1.2.1).
        fileprivate var isWindowAnswered: Bool

        /// The value of the answer's `Sec-WebSocket-Extensions`.
        package var responseValue: String {
            let fixed =
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            return isWindowAnswered
                ? fixed + "; server_max_window_bits=\(serverWindowBits)" : fixed
        }
    }

    /// Takes the first offer that can be kept.
    ///
    /// - Parameter headerValues: the values of the request's `Sec-WebSocket-Extensions`.
    /// - Returns: nil when nothing acceptable was offered, or the list breaks the grammar: the
    ///   connection then goes on uncompressed, and no extension is answered.
    package static func negotiate(_ headerValues: [String]) -> Agreement? {
        guard let offers = WebSocketExtensionOffer.parse(headerValues) else { return nil }
        for offer in offers where offer.name == name {
            if let agreement = agreement(on: offer.parameters) { return agreement }
        }
        return nil
    }

    /// - Returns: nil for an offer to decline (§7.1): a parameter that is unknown, stands twice, or
    ///   has a value it must not have.
    private static func agreement(
        on parameters: [WebSocketExtensionOffer.Parameter]
    ) -> Agreement? {
        var agreement = Agreement(serverWindowBits: 15, isWindowAnswered: false)
        var seen: Set<String> = []
        for parameter in parameters {
            guard seen.insert(parameter.name).inserted else { return nil }
            switch parameter.name {
            case "server_no_context_takeover", "client_no_context_takeover":
                guard parameter.value == nil else { return nil }
            case "server_max_window_bits":
                guard let bits = windowBits(parameter.value), serverWindowBitsRange.contains(bits)
                else { return nil }
                agreement.serverWindowBits = bits
                agreement.isWindowAnswered = true
            case "client_max_window_bits":
                // A hint that the client could compress with less; we inflate any window.
                guard parameter.value == nil || windowBits(parameter.value) != nil
                else { return nil }
            default: return nil
            }
        }
        return agreement
    }

    /// A decimal of 8…15 without leading zeros (§7.1.2).
    private static func windowBits(_ value: String?) -> Int? {
        (8...15).first { String($0) == value }
    }
}
