// The bounds of one HTTP/1.1 message, in one place. Not the gateway's limits on bodies, time or
// numbers of connections: those are its configuration's.

/// What a peer may send before it is refused. Every bound is inclusive: a head of `headBytesMax`
/// bytes passes.
package struct HTTP1Limits: Sendable, Equatable {
    /// Start line, fields, line ends, and the empty lines before: 256 to 1 MiB. Two such heads of
    /// ordinary browsers with fat cookies fit into 16 KiB.
    package var headBytesMax: Int { didSet { validate() } }
    /// Field lines of one head: 8 to 10,000.
    package var fieldCountMax: Int { didSet { validate() } }
    /// The request target as sent: 64 to `headBytesMax`. RFC 9110 §4.1 asks for 8,000 at least.
    package var targetBytesMax: Int { didSet { validate() } }
    /// Empty lines before a request line, which RFC 9112 §2.2 wants ignored: 0 to 16.
    package var emptyLineCountMax: Int { didSet { validate() } }
    /// One chunk's size with its extensions and its CRLF: 18 to 65,536.
    package var chunkLineBytesMax: Int { didSet { validate() } }
    /// The whole trailer section with its closing CRLF: 2 to 65,536.
    package var trailerBytesMax: Int { didSet { validate() } }

    /// - Precondition: each bound lies in the range its property names.
    package init(
        headBytesMax: Int = 16_384, fieldCountMax: Int = 100, targetBytesMax: Int = 8_192,
        emptyLineCountMax: Int = 4, chunkLineBytesMax: Int = 256, trailerBytesMax: Int = 4_096
    ) {
        self.headBytesMax = headBytesMax
        self.fieldCountMax = fieldCountMax
        self.targetBytesMax = targetBytesMax
        self.emptyLineCountMax = emptyLineCountMax
        self.chunkLineBytesMax = chunkLineBytesMax
        self.trailerBytesMax = trailerBytesMax
        validate()
    }

    private func validate() {
        precondition((256...1_048_576).contains(headBytesMax), "headBytesMax \(headBytesMax)")
        precondition((8...10_000).contains(fieldCountMax), "fieldCountMax \(fieldCountMax)")
        precondition((64...1_048_576).contains(targetBytesMax), "targetBytesMax \(targetBytesMax)")
        precondition((0...16).contains(emptyLineCountMax), "emptyLineCountMax \(emptyLineCountMax)")
        precondition(
            (18...65_536).contains(chunkLineBytesMax), "chunkLineBytesMax \(chunkLineBytesMax)")
        precondition((2...65_536).contains(trailerBytesMax), "trailerBytesMax \(trailerBytesMax)")
    }
}
