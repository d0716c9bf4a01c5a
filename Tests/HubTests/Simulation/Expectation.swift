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
    /// The namespace drops what waits too long for a slow client, and says so, or only keeps the
    /// newest.
    let policy: Namespace.SlowPolicy
    /// The channel keeps the newest message only, so that whoever comes back begins with it.
    let keepsLast: Bool

    init(
        _ namespace: Namespace, low: Int, high: Int? = nil, _ reach: Reach, isOwedGap: Bool = false
    ) {
        self.low = low
        self.high = high ?? low
        self.reach = namespace.slowPolicy == .latest ? .newer : reach
        self.isOwedGap = isOwedGap
        policy = namespace.slowPolicy
        keepsLast = namespace.history == .last
    }

    /// Takes in that message `index` was seen.
    ///
    /// - Parameters:
    ///   - isOptional: whether the message at an index need not be seen by this follower.
    ///   - oldestKept: index of the oldest message that must still be kept.
    /// - Returns: the fault, or nil.
    mutating func see(
        _ index: Int, oldestKept: Int, isOptional: (Int) -> Bool
    ) -> String? {
        if isOwedGap { return "message \(index) before the gap was told" }
        guard index >= low else { return "message \(index) where \(low) was due" }
        skip(to: index, isOptional)
        let fault: String?
        switch reach {
        case .next:
            fault = index <= max(low, high) ? nil : "message \(index) where \(low) was due"
        case .kept:
            fault =
                index <= max(low, high, oldestKept)
                ? nil : "began with \(index), where \(oldestKept) is kept"
        case .newer: fault = nil
        }
        low = index + 1
        high = low
        if case .newer = reach, policy == .latest { return fault }
        reach = .next
        return fault
    }

    /// Takes in that messages are missing.
    ///
    /// - Returns: whether any were.
    mutating func miss(oldestKept: Int, count: Int) -> Bool {
        let isTrue =
            isOwedGap || oldestKept > low || (policy == .dropOldest && count > low)
        isOwedGap = false
        switch policy {
        case .disconnect: reach = .kept
        case .dropOldest, .latest: reach = .newer
        }
        return isTrue
    }

    /// The follower connects anew and asks for what comes after the last that it has seen.
    mutating func resume() {
        if keepsLast { reach = .newer }
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
        case .kept, .newer:
            return max(low, high) >= count || oldestKept == count
                ? nil : "\(low) of \(count), begun anew"
        }
    }

    private mutating func skip(to index: Int, _ isOptional: (Int) -> Bool) {
        while low < index, isOptional(low) { low += 1 }
        while high < index, isOptional(high) { high += 1 }
    }
}
