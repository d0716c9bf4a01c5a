import Testing
import Wire

@Suite struct PermessageDeflateTests {
    static let base = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    struct Row: CustomTestStringConvertible {
        var offers: [String]
        /// nil: declined.
        var bits: Int?
        var isWindowAnswered = false
        var testDescription: String { offers.joined(separator: " | ") }
    }

    static let rows: [Row] = [
        Row(offers: ["permessage-deflate"], bits: 15),
        Row(offers: ["permessage-deflate; client_max_window_bits"], bits: 15),
        Row(offers: ["permessage-deflate;client_max_window_bits=8"], bits: 15),
        Row(
            offers: ["permessage-deflate; server_max_window_bits=15"], bits: 15,
            isWindowAnswered: true),
        Row(
            offers: ["permessage-deflate; server_max_window_bits=9"], bits: 9,
            isWindowAnswered: true),
        Row(
            offers: ["permessage-deflate ; server_max_window_bits = \"10\""], bits: 10,
            isWindowAnswered: true),
        Row(
            offers: ["permessage-deflate; server_max_window_bits=\"1\\2\""], bits: 12,
            isWindowAnswered: true),
        Row(
            offers: [
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover;"
                    + "client_max_window_bits=15; server_max_window_bits=11"
            ], bits: 11, isWindowAnswered: true),
        // Declined offers on their own.
        Row(offers: []), Row(offers: [""]), Row(offers: ["x-other"]),
        Row(offers: ["Permessage-Deflate"]),
        Row(offers: ["permessage-deflate; server_max_window_bits=8"]),
        Row(offers: ["permessage-deflate; server_max_window_bits=16"]),
        Row(offers: ["permessage-deflate; server_max_window_bits=7"]),
        Row(offers: ["permessage-deflate; server_max_window_bits=010"]),
        Row(offers: ["permessage-deflate; server_max_window_bits=+10"]),
        Row(offers: ["permessage-deflate; server_max_window_bits"]),
        Row(offers: ["permessage-deflate; client_max_window_bits=7"]),
        Row(offers: ["permessage-deflate; client_max_window_bits=16"]),
        Row(offers: ["permessage-deflate; client_max_window_bits=x"]),
        Row(offers: ["permessage-deflate; server_no_context_takeover=1"]),
        Row(offers: ["permessage-deflate; client_no_context_takeover=true"]),
        Row(offers: ["permessage-deflate; unknown"]),
        Row(offers: ["permessage-deflate; client_max_window_bits; client_max_window_bits"]),
        Row(offers: ["permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"]),
        // The next one is tried, in the same line and in the next.
        Row(offers: ["permessage-deflate; unknown, permessage-deflate"], bits: 15),
        Row(
            offers: [
                "x-other; a=1, permessage-deflate; server_max_window_bits=8,, ",
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            ], bits: 10, isWindowAnswered: true),
        // A list that breaks the grammar, although its first offer does not.
        Row(offers: ["permessage-deflate, ="]),
    ]

    @Test(arguments: rows)
    func `offers are answered or declined`(row: Row) {
        let agreement = PermessageDeflate.negotiate(row.offers)
        #expect(agreement?.serverWindowBits == row.bits)
        let window = row.isWindowAnswered ? "; server_max_window_bits=\(row.bits ?? 0)" : ""
        #expect(agreement?.responseValue == row.bits.map { _ in Self.base + window })
    }
}
