// Who follows one channel, as its home loop knows it.

internal import Ring

/// What those who follow a channel have been told of a user, by the notices in the ring.
enum Standing {
    /// Nothing, or last that the user has left.
    case absent
    /// A join is in the ring and this loop has not read it yet.
    case joining
    /// The user is there.
    case present
    /// A leave is in the ring and this loop has not read it yet.
    case leaving
}

/// A user of one channel.
struct Attendee {
    let name: [UInt8]
    let roster: Roster
    /// Index into the roster's ``Roster/attendees``.
    var place: Int
    /// Connections that follow the channel under this name, over all loops.
    var connections = 0
    var standing = Standing.absent
    /// The last connection has ended, and the grace period is over.
    var isGone = false
    /// It stands in the queue of those to be announced.
    var isQueued = false

    /// Bytes that a user takes beside the name: this, its place in the tables, its deadline.
    static let overheadBytes = 192
    var cost: Int { name.count + Attendee.overheadBytes }
}

/// A channel's users and the count of its other connections. Of one loop: ``Rosters`` has them.
final class Roster {
    let channel: ChannelName
    /// How long a user without connections still counts, milliseconds.
    let graceMilliseconds: UInt64
    /// Connections without a user, and those of users beyond the limits.
    var anonymous = 0
    /// Indices into ``Rosters/attendees``.
    var attendees: [Int] = []
    /// The same by name.
    var indices: [[UInt8]: Int] = [:]

    init(_ channel: ChannelName, graceMilliseconds: UInt64) {
        self.channel = channel
        self.graceMilliseconds = graceMilliseconds
    }

    var isEmpty: Bool { attendees.isEmpty && anonymous == 0 }
}
