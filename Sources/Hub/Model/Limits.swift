// Every bound that a client can run into, in one place, each with its unit and its reason.

package import Wire

/// What a client can make the gateway keep or do, at most.
package struct Limits: Sendable {
    /// HTTP heads: size, fields, target (RFC 9112 leaves them to the server).
    package var http = HTTP1Limits()

    /// One message's payload, bytes. A message is held once, however many are to receive it.
    package var messageBytesMax = 1 << 20
    /// The body of a batch publish (`POST /publish`), bytes.
    package var batchBytesMax = 8 << 20
    /// Lines of a batch. Each is answered by a line, and three bytes that are no message by eighty.
    package var batchLinesMax = 10_000
    /// Channel names, bytes of UTF-8: short enough for a log line and an interned key.
    package var channelNameBytesMax = 255
    /// Event names, bytes.
    package var eventNameBytesMax = 128
    /// Idempotency keys, bytes: room for a UUID and what a publisher puts before it.
    package var idempotencyKeyBytesMax = 128
    /// For how long a repeated key is answered with the first one's id, milliseconds.
    package var idempotencyMilliseconds: UInt64 = 600_000
    /// Keys, and channels' last versions, that the process remembers; 64 bytes each. At the limit a
    /// publish with a new one is refused: it would be unprotected.
    package var rememberedPublishesMax = 1 << 20
    /// A message's time to live, seconds: 30 days. In milliseconds it must fit 32 bits.
    package var timeToLiveSecondsMax: UInt64 = 2_592_000
    /// Publishes of one WebSocket that wait for the disk: an answer each, about 100 bytes.
    package var acksPerConnectionMax = 1_024
    /// Answers of one loop that wait for the disk.
    package var acksPerLoopMax = 1 << 16
    /// How long an answer waits for the disk, milliseconds.
    package var ackMillisecondsMax: UInt64 = 30_000
    /// Channels that one connection may follow. Each costs about 40 bytes here and 8 in the
    /// channel.
    package var channelsPerConnectionMax = 256
    /// Channels that one loop knows (followed here, or with history here).
    package var channelsPerLoopMax = 1 << 20
    /// Subscriptions of all connections of one loop. Each costs about 48 bytes.
    package var subscriptionsPerLoopMax = 1 << 22
    /// The `ref` of a command, bytes of JSON: it is kept until the answer is made, on another loop
    /// perhaps.
    package var referenceBytesMax = 1 << 10
    /// `history` and `presence` commands of one connection that are not answered yet: as many as it
    /// may follow channels.
    package var recallCommandsMax = 256

    /// Connections of one loop. The descriptors of the process bound it as well.
    package var connectionsPerLoopMax = 1 << 20
    /// Connections of the process.
    package var connectionsMax = Int.max
    /// Connections of one address; 0: any number, since behind a proxy all come from one. Of IPv6
    /// the first 64 bits count as the address, which is what one customer is given.
    package var connectionsPerAddressMax = 0
    /// New connections of one address a second, and at once; 0: any number.
    package var connectsPerSecondMax = 0
    /// Connections over a limit that one loop keeps for as long as it takes to tell them so. More of
    /// them are reset.
    package var refusalsPerLoopMax = 64

    /// Messages that one connection may publish a second, and at once; 0: any number. Holders of a
    /// key are exempt.
    package var publishesPerSecondMax = 0
    /// Commands of `carillon.v1` other than publishing, likewise: thirty bytes ask for as much as a
    /// channel keeps.
    package var commandsPerSecondMax = 0

    /// Held of requests and messages that are not whole, and of what came behind one that waits,
    /// bytes, over the whole process. Each loop has an equal share. What arrives whole in one read
    /// is never held.
    package var inboundBytesTotal = 128 << 20
    /// Input that a connection may send ahead while an earlier request still waits, bytes.
    package var pipelinedBytesMax = 64 << 10
    /// Requests of one connection that one turn answers; the rest waits its turn.
    package var requestsPerTurnMax = 64
    /// Messages of one WebSocket that one turn takes, so that nobody waits for it; the rest waits
    /// its turn.
    package var framesPerTurnMax = 1024
    /// The same in bytes, inflated: compressed a thousandfold, one read could hold 64 MiB.
    package var frameBytesPerTurnMax = 1 << 20
    /// Messages of the past on their way to one connection before its further commands wait.
    package var catchUpMessagesMax = 1024
    /// Output that one connection may be given in one turn before its further requests wait, bytes.
    package var responseBytesPerTurnMax = 256 << 10

    /// Output for single connections in one turn before history and presence are refused, bytes:
    /// thirty bytes ask for as much as a channel keeps, and one read holds thousands of such
    /// commands.
    package var historyBytesPerTurnMax = 16 << 20
    /// A long-poll's answer, bytes; it ends with the message that passes this, and its ETag is that
    /// message's.
    package var pollBytesMax = 1 << 20

    /// Messages waiting for one slow connection, bytes of their cost.
    package var backlogBytesMax = 1 << 20
    /// How long a connection may take nothing at all, and how long a message may wait for one
    /// that takes too little, milliseconds.
    package var backlogMillisecondsMax: UInt64 = 30_000
    /// What waits for all slow connections of the process, bytes: live messages by their cost,
    /// counted once for each connection, and what the rim keeps. Each loop holds its share.
    package var backlogBytesTotalMax = 256 << 20
    /// Encoded per turn for one connection that catches up, bytes: a fair share of the turn.
    package var catchUpBytesPerTurnMax = 64 << 10
    /// Output for single connections in one turn before those that catch up wait for the next,
    /// bytes: a list of who is there goes to each who comes, and a crowd may come.
    package var catchUpBytesOfAllPerTurnMax = 16 << 20

    /// What the histories of all channels of the process hold, bytes of cost. Each loop holds its
    /// share, and drops its oldest messages over it.
    package var historyBytesTotalMax = 256 << 20

    /// Messages that one turn takes from the ring, so that input is never starved.
    package var drainMessagesPerTurnMax = 1024
    /// Bytes that one turn frames, over all encodings.
    package var drainBytesPerTurnMax = 1 << 20

    /// How long a loop that can't give each message a write of its own may leave messages in the
    /// ring, so that more of them share one, milliseconds; 0: never.
    package var coalescingMillisecondsMax: UInt64 = 8

    /// From accept, or from the first byte of a later head, to a whole request head, milliseconds.
    /// It covers the TLS handshake.
    package var headMillisecondsMax: UInt64 = 10_000
    /// The same for a connection that is only told why it is refused.
    package var refusalMillisecondsMax: UInt64 = 2_000
    /// Idle time of a kept-alive connection, milliseconds.
    package var keepAliveMillisecondsMax: UInt64 = 60_000
    /// A request's body, milliseconds; and so long again each time that it brought
    /// ``progressBytesMin`` meanwhile, so that a large one on a slow but steady link may come.
    package var bodyMillisecondsMax: UInt64 = 30_000
    /// What an unfinished body brings within ``bodyMillisecondsMax``, and an unfinished WebSocket
    /// message between two heartbeats, at least, bytes. 2 KiB a second: less is a stalled link, or
    /// somebody who means to hold memory.
    package var progressBytesMin = 64 << 10
    /// After our half of a connection is closed, for the peer's half, milliseconds.
    package var lingerMillisecondsMax: UInt64 = 2_000

    /// Between two heartbeats, milliseconds; up to a fifth is taken off at random.
    package var heartbeatMilliseconds: UInt64 = 25_000
    /// A WebSocket peer that has sent nothing for so long is gone, milliseconds.
    package var silenceMillisecondsMax: UInt64 = 60_000
    /// For how long a peer's kernel may leave bytes unacknowledged, or have no room for them,
    /// milliseconds: a heartbeat that nothing answers ends an event stream so. Not before a
    /// connection would be closed as slow.
    package var unacknowledgedMillisecondsMax: UInt64 {
        max(silenceMillisecondsMax, backlogMillisecondsMax)
    }
    /// A long-poll's wait when the client names none, milliseconds.
    package var pollMilliseconds: UInt64 = 25_000
    /// A long-poll's wait at most, milliseconds.
    package var pollMillisecondsMax: UInt64 = 300_000

    /// When the gateway stops, clients are told to come back within so many milliseconds more than
    /// a second.
    package var returnMillisecondsMax: UInt64 = 4_000
    /// When the gateway stops, each loop sends away at least so many connections a second: so few
    /// are no crowd for the next one, and nobody waits for an end that nobody needs.
    package var farewellsPerSecondMin: UInt64 = 100
    /// Of the time that the gateway has for stopping, a quarter but at most this is kept for the
    /// last ones to take what they are owed, milliseconds.
    package var farewellTailMillisecondsMax: UInt64 = 5_000

    /// For how long a channel whose messages have all expired still knows which was the last,
    /// milliseconds. After that, who comes back to it may be told of a gap where there is none.
    package var channelMemoryMillisecondsMax: UInt64 = 3_600_000
    /// How long a message of a namespace with interval durability may wait for the disk,
    /// milliseconds. A crash loses so much of it at most.
    package var durableIntervalMilliseconds: UInt64 = 100

    /// A user's name, bytes of UTF-8: an account's or a mail address's length.
    package var userNameBytesMax = 128
    /// Users of one channel whose presence is kept; a list of them is made whole. Connections of
    /// users beyond it count as anonymous.
    package var presenceUsersPerChannelMax = 10_000
    /// What the users of all channels that live on one loop may take, bytes of their cost. Users
    /// beyond it count as anonymous. A name is the client's to invent, and each stays for its grace.
    package var presenceBytesPerLoopMax = 64 << 20
    /// Joins and leaves that one turn puts into the ring, so that a crowd does not fill it. The rest
    /// waits some milliseconds.
    package var presenceNoticesPerTurnMax = 1_024

    package init() {}
}
