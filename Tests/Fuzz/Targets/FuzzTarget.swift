// What is fuzzed: functions that take any bytes, and hold what must be true of each of them. They
// run under libFuzzer (`make fuzz`), and over the corpus in `make test`.

/// One function, and the folder of `Tests/Fuzz/Corpus` that is its own.
package struct FuzzTarget: Sendable {
    package let name: String
    private let body: @Sendable ([UInt8]) throws(Fault) -> Void

    init(_ name: String, _ body: @escaping @Sendable ([UInt8]) throws(Fault) -> Void) {
        self.name = name
        self.body = body
    }

    /// What is wrong with what was made of `input`; nil when all is well.
    package func fault(_ input: [UInt8]) -> String? {
        do throws(Fault) {
            try body(input)
            return nil
        } catch {
            return "\(name): \(error.text)"
        }
    }
}

package let fuzzTargets: [FuzzTarget] = [
    FuzzTarget("http-request", httpRequest), FuzzTarget("http-response", httpResponse),
    FuzzTarget("http-body", httpBody), FuzzTarget("http-target", httpTarget),
    FuzzTarget("websocket-server", webSocketServer),
    FuzzTarget("websocket-client", webSocketClient),
    FuzzTarget("websocket-offer", webSocketOffer), FuzzTarget("deflate", deflate),
    FuzzTarget("event-stream", eventStream), FuzzTarget("lines", lines), FuzzTarget("json", json),
    FuzzTarget("base64", base64Text), FuzzTarget("message-id", messageID),
    FuzzTarget("utf8", utf8), FuzzTarget("shard", shard),
]

struct Fault: Error { let text: String }

func require(
    _ holds: Bool, _ text: @autoclosure () -> String, line: Int = #line
) throws(Fault) {
    if !holds { throw Fault(text: "\(text()) (line \(line))") }
}

/// The ways in which a peer may cut the same bytes: whole, one by one, in two at a point that
/// depends on the bytes, and in pieces of some length.
func cuts(_ bytes: [UInt8]) -> [[[UInt8]]] {
    guard bytes.count > 1 else { return [[bytes]] }
    let sum = bytes.reduce(7) { ($0 &* 31 &+ Int($1)) & 0xFFFF }
    let middle = 1 + sum % (bytes.count - 1)
    let length = 2 + sum % 7
    let pieces = stride(from: 0, to: bytes.count, by: length).map {
        Array(bytes[$0..<min($0 + length, bytes.count)])
    }
    return [
        [bytes], bytes.map { [$0] }, [Array(bytes[..<middle]), Array(bytes[middle...])], pieces,
    ]
}

/// Holds that the bytes come to the same, however they are cut.
func sameHoweverCut<Outcome: Equatable>(
    _ bytes: [UInt8], _ read: ([[UInt8]]) throws(Fault) -> Outcome
) throws(Fault) -> Outcome {
    let all = cuts(bytes)
    let whole = try read(all[0])
    for cut in all.dropFirst() {
        let other = try read(cut)
        try require(other == whole, "whole \(whole), in \(cut.count) pieces \(other)")
    }
    return whole
}
