// What one follower of one channel may see next. Every message that it sees, every gap that it is
// told of, moves this on, or is a fault.

@testable import Hub

struct Expectation {
    /// How far ahead of ``low`` the next message may be.
    enum Reach {
        /// Nowhere: nothing is missing.
        case next
        /// At the oldest message that is kept, or before: it began there, or was told of a gap.
        case kept
        /// Anywhere: older messages are superseded by newer ones.
        case newer
    }

    /// Index of the first message that it has neither seen nor been told of missing.
    private(set) var low: Int
    /// Index of the last message that may be the first that it sees: above ``low`` while it is not
    /// known to the message where it began.
    private var high: Int
    private var reach: Reach
    /// It resumed with an id that was never given: that must be told before anything else.
    private(set) var isOwedGap: Bool
    private let isFromUnknown: Bool
    /// The namespace drops what waits too long for a slow client, and says so, or only keeps the
    /// newest.
    let policy: Namespace.SlowPolicy
    /// A gap was told with an answer to a poll: it may be anywhere in the answer.
    private var isGapSomewhere = false
    /// Nothing was seen since it began.
    private(set) var isUntouched = true
    /// Messages may be missing without a word.
    private var skips: Bool
    /// The channel keeps the newest message only, so that whoever comes back begins with it.
    let keepsLast: Bool

    init(
        _ namespace: Namespace, _ transport: Transport, low: Int, high: Int? = nil, _ reach: Reach,
        isOwedGap: Bool = false
    ) {
        self.low = low
        self.high = high ?? low
        policy = namespace.slowPolicy
        keepsLast = namespace.history == .last
        skips = Self.skips(policy, transport)
        self.reach = skips ? .newer : reach
        isFromUnknown = isOwedGap
        // Where only the newest is kept, it stands for all that is gone; if it is kept.
        self.isOwedGap = isOwedGap && namespace.history != .last
    }

    /// A raw client can't be told that some were dropped: its namespace lets it skip them.
    private static func skips(_ policy: Namespace.SlowPolicy, _ transport: Transport) -> Bool {
        policy == .latest || (policy == .dropOldest && transport == .raw)
    }

    /// Takes in that message `index` was seen.
    ///
    /// - Parameters:
    ///   - isOptional: whether the message at an index need not be seen by this follower.
    ///   - oldestKept: index of the oldest message that must still be kept.
    /// - Returns: the fault, or nil.
    mutating func see(
        _ index: Int, _ transport: Transport, oldestKept: Int, isOptional: (Int) -> Bool
    ) -> String? {
        if isOwedGap { return "message \(index) before the gap was told" }
        guard index >= low else { return "message \(index) where \(low) was due" }
        skip(to: index, isOptional)
        let fault: String?
        switch reach {
        case .next:
            fault = index <= max(low, high) ? nil : "message \(index) where \(low) was due"
        case .kept:
            var beginning = max(low, high, oldestKept)
            while beginning < index, isOptional(beginning) { beginning += 1 }
            fault = index <= beginning ? nil : "began with \(index), where \(beginning) is kept"
        case .newer: fault = nil
        }
        low = index + 1
        high = low
        isUntouched = false
        if !skips, !isGapSomewhere { reach = .next }
        // Each poll is a return.
        if keepsLast, transport == .poll { reach = .newer }
        return fault
    }

    /// Takes in that messages are missing.
    ///
    /// - Returns: whether any were.
    mutating func miss(_ transport: Transport, oldestKept: Int, count: Int) -> Bool {
        let isTrue =
            isFromUnknown || oldestKept > low || (policy == .dropOldest && count > low)
        isOwedGap = false
        switch policy {
        case .disconnect: reach = .kept
        case .dropOldest, .latest:
            reach = .newer
            isGapSomewhere = transport == .poll
        }
        return isTrue
    }

    /// An answer to a poll ends. What follows it may still begin behind the gap.
    mutating func endAnswer() { isGapSomewhere = false }

    /// The follower connects anew and asks for what comes after the last that it has seen.
    mutating func resume(_ transport: Transport) {
        skips = Self.skips(policy, transport)
        if skips || keepsLast { reach = .newer }
    }

    /// Everything has come to rest.
    ///
    /// - Returns: what this follower should have seen and has not, or nil.
    func rest(count: Int, oldestKept: Int, isOptional: (Int) -> Bool) -> String? {
        if isOwedGap { return "was never told of the gap" }
        var rested = self
        rested.skip(to: count, isOptional)
        let (low, high) = (rested.low, rested.high)
        switch reach {
        case .next:
            return max(low, high) >= count ? nil : "\(low) of \(count)"
        case .newer where policy == .dropOldest:
            // What was dropped may have been the newest.
            return nil
        case .newer where count > 0 && isOptional(count - 1):
            // The newest, which supersedes the others, is its own.
            return nil
        case .kept, .newer:
            var next = max(low, high, reach == .kept ? oldestKept : 0)
            while next < count, isOptional(next) { next += 1 }
            return next >= count || oldestKept == count
                ? nil : "\(next) of \(count), begun anew"
        }
    }

    private mutating func skip(to index: Int, _ isOptional: (Int) -> Bool) {
        while low < index, isOptional(low) { low += 1 }
        while high < index, isOptional(high) { high += 1 }
    }
}
