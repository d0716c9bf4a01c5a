// One thing that a server sent, whatever the transport: the decoders' common answer.

struct Unit {
    enum Kind {
        /// `payload` is a message's bytes.
        case message
        /// To be answered with the same payload.
        case ping
        /// A command was carried out.
        case done
        /// A command was not carried out; `payload` says why.
        case refusal
        /// Messages that should have come next are gone.
        case gap
        /// Comments, ids, pongs: taken and forgotten.
        case other
        case close
        /// What this client does not read: fragments, masked frames.
        case unreadable
    }

    static var nothing: UnsafeRawBufferPointer { .init(start: nil, count: 0) }

    let kind: Kind
    let payload: UnsafeRawBufferPointer
    /// Where the next unit begins.
    let end: Int
    /// What the server says that the message's channel is, where it says so; else empty.
    var channel = nothing
    /// Where to go on after this unit, where the server says so; else empty.
    var id = nothing
}
