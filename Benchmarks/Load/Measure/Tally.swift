// What went wrong, summed over subscribers and threads.

struct Tally: Codable, Equatable {
    /// Published and never received, by subscribers that should have.
    var lost: UInt64 = 0
    var duplicated: UInt64 = 0
    var reordered: UInt64 = 0
    /// The sequence could be read but other bytes differed, or no message could be made out.
    var damaged: UInt64 = 0
    /// Subscribers that the server closed, or that never got in.
    var closed: UInt64 = 0
    /// Published and still on their way when the run ended: the server was behind. No error.
    var unfinished: UInt64 = 0

    var isClean: Bool {
        var errors = self
        errors.unfinished = 0
        return errors == Tally()
    }

    static func + (one: Tally, other: Tally) -> Tally {
        Tally(
            lost: one.lost + other.lost, duplicated: one.duplicated + other.duplicated,
            reordered: one.reordered + other.reordered, damaged: one.damaged + other.damaged,
            closed: one.closed + other.closed, unfinished: one.unfinished + other.unfinished)
    }
}
