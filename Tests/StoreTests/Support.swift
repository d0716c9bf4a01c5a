// What the tests of this module share: folders, messages, a log without threads.

import Foundation
import Ring
import Testing

@testable import Store

/// A folder of its own, gone with the test.
final class Folder {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "carillon-store-\(UUID().uuidString)"
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var file: String { path + "/history" }
}

let key = HashKey(1, 2)
let now: UInt64 = 1_700_000_000_000

func name(_ text: String) -> ChannelName { ChannelName(Array(text.utf8), key: key) }

func message(
    _ channel: String = "d:a", _ text: String = "x", namespace: UInt8 = 1, time: UInt64 = now,
    lifetime: UInt32 = 0
) -> Message {
    Message(
        channel: name(channel), namespace: namespace, kind: .text, payload: Array(text.utf8),
        timeMilliseconds: time, timeToLiveMilliseconds: lifetime)
}

func stored(
    _ sequence: UInt64, _ channel: String = "d:a", _ text: String = "x", namespace: UInt8 = 1,
    time: UInt64 = now, lifetime: UInt32 = 0
) -> StoredMessage {
    StoredMessage(
        sequence: sequence,
        message: message(channel, text, namespace: namespace, time: time, lifetime: lifetime))
}

/// All others in memory, `d` synced, `i` by interval.
let usual = [
    StoredNamespace(name: [], durability: .memory),
    StoredNamespace(name: Array("d".utf8), durability: .fsync),
    StoredNamespace(name: Array("i".utf8), durability: .interval),
]

func opening(
    _ folder: Folder, _ namespaces: [StoredNamespace] = usual, now: UInt64 = now,
    epoch: String = "life", _ configure: (inout StoreLimits) -> Void = { _ in }
) -> StoreOpening {
    var limits = StoreLimits()
    limits.reservedSequences = 1_000
    configure(&limits)
    return StoreOpening(
        path: folder.file, namespaces: namespaces,
        namespaceOf: { channel in
            guard let colon = channel.firstIndex(of: UInt8(ascii: ":")) else { return 0 }
            let prefix = Array(channel[..<colon])
            return UInt8(namespaces.firstIndex { !$0.name.isEmpty && $0.name == prefix } ?? 0)
        },
        hashKey: key, freshEpoch: Array(epoch.utf8), nowUnixMilliseconds: now, limits: limits)
}

extension HistoryDatabase {
    /// Writes these; what it answered is of no interest.
    func write(
        _ messages: [StoredMessage], lost: [(String, UInt8, UInt64)] = [], sweeps: Bool = false,
        now: UInt64 = presentTime
    ) throws {
        var changes = StoreChanges()
        changes.messages = messages
        for (channel, namespace, sequence) in lost {
            changes.lost[name(channel)] = (namespace, sequence)
        }
        changes.sweeps = sweeps
        _ = try write(changes, nowUnixMilliseconds: now)
    }

    /// Ends this life cleanly, its last sequence being `last`.
    func end(_ last: UInt64) throws {
        var changes = StoreChanges()
        changes.isLast = true
        changes.mark = last
        _ = try write(changes, nowUnixMilliseconds: now)
    }

    func number(_ sql: String) throws -> UInt64? {
        try database.first(sql) { $0.number(0) }
    }
}

/// For the method whose parameter has the other's name.
private let presentTime = now

/// Writes a file in one life and gives what the next one finds.
func after(
    _ namespaces: [StoredNamespace] = usual, then: [StoredNamespace]? = nil, clean: UInt64?,
    laterBy: UInt64 = 0, _ write: (HistoryDatabase) throws -> Void
) throws -> EarlierLife {
    let folder = Folder()
    do {
        let (history, _) = try HistoryDatabase.open(opening(folder, namespaces))
        try write(history)
        if let clean { try history.end(clean) }
    }
    return try HistoryDatabase.open(opening(folder, then ?? namespaces, now: now + laterBy)).1
}

extension EarlierLife {
    subscript(_ channel: String) -> StoredChannel? {
        channels.first { $0.channel == name(channel) }
    }

    func sequences(_ channel: String) -> [UInt64]? { self[channel]?.messages.map(\.sequence) }
}

/// SplitMix64: small, and the same everywhere for one seed.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    /// A fresh generator; the seed is printed, so that a failure can be had again.
    static func printed(_ test: String = #function) -> Random {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("seed of \(test): \(seed)")
        return Random(seed: seed)
    }
}
