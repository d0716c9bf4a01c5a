// One ceiling for memory, and what becomes of it.

/// How the memory that clients fill is divided. Bytes, each over the whole process. What the
/// connections themselves cost stands beside it: about 1 KiB each in plain, 15 KiB under TLS.
struct MemoryShares: Equatable {
    /// What was asked for, part by part; nil is left to the ceiling, or to the default.
    struct Asked: Equatable {
        var history: Int?
        var backlog: Int?
        var inbound: Int?
        var ring: Int?
    }

    /// Messages that channels keep.
    let history: Int
    /// Messages that wait for slow connections.
    let backlog: Int
    /// Requests and messages that are not whole.
    let inbound: Int
    /// Messages in flight between the loops.
    let ring: Int

    init(history: Int, backlog: Int, inbound: Int, ring: Int) {
        self.history = history
        self.backlog = backlog
        self.inbound = inbound
        self.ring = ring
    }

    /// Without a ceiling, a part that was not asked for has its default. With one, what was asked
    /// for is taken off it, and the rest is divided among the other parts: of eight, history has
    /// four, backlogs two, input and the ring one each.
    ///
    /// - Parameters:
    ///   - messageBytesMax: the ring, and each loop's share of the input, must have room for one
    ///     message and what surrounds it. The defaults grow until they have.
    ///   - loops: 1 or more.
    /// - Throws: ``ServerError`` when that can't be.
    init(
        ceiling: Int?, asked: Asked, messageBytesMax: Int, loops: Int
    ) throws(ServerError) {
        let message = messageBytesMax + MemoryShares.surroundingBytes
        guard let ceiling else {
            self.init(
                history: asked.history ?? 256 << 20, backlog: asked.backlog ?? 256 << 20,
                inbound: asked.inbound ?? max(128 << 20, 2 * message * loops),
                ring: asked.ring ?? max(256 << 20, message))
            try check(message, loops)
            return
        }
        let parts = [
            (asked.history, 4), (asked.backlog, 2), (asked.inbound, 1), (asked.ring, 1),
        ]
        var left = ceiling
        for case let given? in parts.map(\.0) {
            // Neither negative nor more than there is: so this can't overflow.
            guard given >= 0, given <= left else {
                throw ServerError(
                    "the parts of memory that were asked for come to more than the ceiling of "
                        + "\(ByteSize(bytes: ceiling)) bytes: raise --memory-max, or lower them")
            }
            left -= given
        }
        let weights = parts.reduce(0) { $0 + ($1.0 == nil ? $1.1 : 0) }
        func share(_ part: (asked: Int?, weight: Int)) -> Int {
            part.asked ?? left / weights * part.weight
        }
        self.init(
            history: share(parts[0]), backlog: share(parts[1]), inbound: share(parts[2]),
            ring: share(parts[3]))
        try check(message, loops)
    }

    /// Around a message: its channel's name and event, its head and its place in lists.
    private static let surroundingBytes = 64 << 10

    private func check(_ message: Int, _ loops: Int) throws(ServerError) {
        guard history >= 0, backlog >= 0 else { throw ServerError("a part of memory is negative") }
        guard ring >= message else {
            throw ServerError(
                "\(ring) bytes for messages in flight have no room for one of the largest, which "
                    + "takes \(message): raise --memory-max, or lower --message-bytes-max")
        }
        guard inbound / loops >= message else {
            throw ServerError(
                "\(inbound) bytes for unfinished input have no room for one of the largest messages "
                    + "on each of \(loops) loops, which takes \(message): raise --memory-max or "
                    + "--inbound-bytes-total, or lower --message-bytes-max")
        }
    }
}
