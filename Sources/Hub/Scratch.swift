// Memory that a loop uses again for each request and each command, so that none of them allocates it
// anew. What it is not: a pool; there is one of each, and who finds it taken makes another.

internal import Bytes
internal import Wire

/// Who takes a part finds it empty.
struct Scratch {
    /// Bytes that each part keeps at most: more than ordinary requests and commands have.
    static let bytesKept = 64 << 10

    /// The last request's.
    private(set) var head: RequestHead?
    private var object = JSONObject()
    private var fields: Shard.Fields = []
    /// What is being answered to one request or command. Who has sent it clears it.
    let answer = ByteBuffer()

    /// The last command's bytes, whose memory the decoder of the next one's frame uses.
    var commandBytes: [UInt8] {
        _read { yield object.bytes }
        _modify { yield &object.bytes }
    }

    /// Parses a head into the memory of the one before.
    mutating func parseHead(
        _ bytes: Span<UInt8>, _ limits: HTTP1Limits
    ) throws(HTTP1Error) -> RequestHead {
        try RequestHead(bytes, limits: limits, reusing: &head)
    }

    /// The head's request is done with. Who still has a copy keeps the memory, too.
    mutating func giveBack(_ head: RequestHead) {
        if head.capacity <= Scratch.bytesKept { self.head = head }
    }

    /// An object that has no text yet.
    mutating func takeObject() -> JSONObject {
        var taken = JSONObject()
        swap(&taken, &object)
        taken.bytes.removeAll(keepingCapacity: true)
        return taken
    }

    mutating func giveBack(_ object: inout JSONObject) {
        swap(&self.object, &object)
        if self.object.bytes.capacity > Scratch.bytesKept { self.object.bytes = [] }
    }

    /// No fields, with room for some.
    mutating func takeFields() -> Shard.Fields {
        var taken: Shard.Fields = []
        swap(&taken, &fields)
        return taken
    }

    mutating func giveBack(_ fields: inout Shard.Fields) {
        swap(&self.fields, &fields)
        self.fields.removeAll(keepingCapacity: true)
    }

    func clearAnswer() { answer.removeAll(keeping: Scratch.bytesKept) }
}
