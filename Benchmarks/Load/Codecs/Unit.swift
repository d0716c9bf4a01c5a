// One thing that a server sent, whatever the transport: the decoders' common answer.

struct Unit {
    enum Kind {
        /// `payload` is a message's bytes.
        case message
        /// To be answered with the same payload.
        case ping
        /// Comments, ids, pongs: taken and forgotten.
        case other
        case close
        /// What this client does not read: fragments, masked frames.
        case unreadable
    }

    let kind: Kind
    let payload: UnsafeRawBufferPointer
    /// Where the next unit begins.
    let end: Int
}
