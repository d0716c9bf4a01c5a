// The settings that channels share by the first part of their name: `chat:7` is of the namespace
// `chat` when one of that name is configured.

internal import Ring

/// How the channels of one namespace behave.
package struct Namespace: Sendable, Equatable {
    /// What a channel keeps for those who come, or come back.
    package enum History: UInt8, Sendable {
        /// Nothing. Who resumes is told of a gap.
        case off
        /// The last messages, within the namespace's bounds.
        case log
        /// The newest message alone, which a new subscriber begins with. An older one is
        /// superseded, not missing: no gap is told.
        case last
    }

    /// When a publish is answered.
    package enum Durability: UInt8, Sendable {
        /// Once it is in the ring. History does not outlive the process.
        case memory
        /// Once it is in the ring; it is on the disk within ``Limits/durableIntervalMilliseconds``.
        case interval
        /// Once it is on the disk.
        case fsync
    }

    /// What happens to a connection that takes less than its channels bring.
    package enum SlowPolicy: UInt8, Sendable {
        /// It is closed, and resumes by id.
        case disconnect
        /// Its oldest waiting messages are dropped, and a gap is told in their place.
        case dropOldest
        /// Only each channel's newest message waits; older ones are superseded, not missing.
        case latest
    }

    /// Without the colon; empty for the one that holds all other channels.
    package var name: [UInt8]
    package var history = History.log
    /// What a channel keeps: messages, milliseconds, bytes of their cost.
    package var historyMessagesMax = 100
    package var historyMillisecondsMax: UInt64 = 300_000
    package var historyBytesMax = 4 << 20
    package var durability = Durability.memory
    package var slowPolicy = SlowPolicy.disconnect
    /// Who is there is kept, and told to those who follow.
    package var presence = false
    /// A user who is back within this time has not left, milliseconds.
    package var presenceGraceMilliseconds: UInt64 = 10_000

    /// How long a message may wait for others, so that they share a write, milliseconds.
    package var batchMilliseconds: UInt64 = 0

    package init(name: [UInt8] = []) { self.name = name }

    var keepsHistory: Bool { history != .off && historyMessagesMax > 0 }
}

/// All namespaces of a process, by index. Index 0 holds the channels of no other.
package struct Namespaces: Sendable {
    /// Their indices are bytes; and a channel's is found by going through them.
    package static let countMax = 64

    package private(set) var all: [Namespace] = [Namespace()]

    package init() {}

    /// The settings of channels that no named namespace holds.
    package var fallback: Namespace {
        get { all[0] }
        set { all[0] = newValue }
    }

    /// - Precondition: the name is not empty, is not there yet, and there is room.
    package mutating func add(_ namespace: Namespace) {
        precondition(!namespace.name.isEmpty && all.count < Namespaces.countMax)
        precondition(!all.contains { $0.name == namespace.name })
        all.append(namespace)
    }

    package subscript(index: UInt8) -> Namespace {
        _read { yield all[Int(index)] }
    }

    /// The namespace of a channel's name.
    package func index(of channel: [UInt8]) -> UInt8 {
        guard all.count > 1, let colon = channel.firstIndex(of: 0x3A) else { return 0 }
        let name = channel[..<colon]
        let found = all.indices.dropFirst().first { all[$0].name.elementsEqual(name) }
        return UInt8(found ?? 0)
    }
}
