// The bounds of the command line client, each with its unit and its reason.

package import Wire

/// What a server can make the client keep, or wait for, at most.
package struct ClientLimits: Sendable {
    /// Heads of responses. Proxies add fields of their own, hence more than the gateway reads.
    package var http = HTTP1Limits(headBytesMax: 65_536, fieldCountMax: 200)
    /// Interim responses (RFC 9110 §15.2) before the one that counts.
    package var interimResponsesMax = 8
    /// One message as it travels: a frame, an event, or a line; bytes.
    package var messageBytesMax = 64 << 20
    /// The whole answer to one poll, bytes: it may hold all that a channel keeps.
    package var pollBytesMax = 256 << 20
    /// What is read of the answer that explains a refusal, bytes.
    package var problemBytesMax = 64 << 10

    /// All of a host's addresses tried, and the TLS handshake, milliseconds.
    package var connectMillisecondsMax: UInt64 = 10_000
    /// From a request to the end of its answer, streams and polls aside, milliseconds.
    package var answerMillisecondsMax: UInt64 = 30_000
    /// Nothing read from a stream, milliseconds. The gateway gives a sign of life every 25 seconds.
    package var silenceMillisecondsMax: UInt64 = 75_000
    /// Nothing read while a poll names its own time, milliseconds: the gateway allows five minutes.
    package var longPollMillisecondsMax: UInt64 = 330_000

    /// How often one message is sent, at most, when failures may pass.
    package var publishAttemptsMax = 5
    /// What a server's Retry-After counts for between two of those, milliseconds, at most.
    package var retryMillisecondsMax: UInt64 = 30_000

    package init() {}
}
