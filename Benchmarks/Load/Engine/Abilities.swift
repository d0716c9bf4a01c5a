// What only some of the servers can, as they are started by `bench`, and the words for those
// that cannot.

extension ServerKind {
    /// Keep the messages of different channels apart.
    static let withChannels: Set = [carillon, floor, nchan, nio]
    /// Put one connection in several channels.
    static let withSeveralChannels: Set = [carillon]
    /// Let a client go on after the last id it saw.
    static let withResumption: Set = [carillon]
    /// Give a client its own message back.
    static let withEcho: Set = [carillon, floor]
    /// Take messages by HTTP POST.
    static let withPosts: Set = [carillon, nchan]
    /// Take several in one request.
    static let withBatches: Set = [carillon]

    /// - Parameter what: what is asked for, in words that follow "has no".
    func require(_ what: String, _ able: Set<ServerKind>) throws(Failure) {
        guard !able.contains(self) else { return }
        throw Failure("\(rawValue) has no \(what), or it is not set up here")
    }
}
