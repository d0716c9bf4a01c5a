// One deadline per connection, for all connections of a loop, without an allocation or a handle
// each.

/// A hashed timing wheel: 1,024 buckets of 64 ms, so a turn of the wheel takes 65.5 s. A deadline
/// further away stays in its bucket and is passed over until its turn comes.
///
/// Arming and cancelling are O(1); the lists are threaded through arrays indexed by slot, 12 bytes
/// a slot.
struct TimerWheel {
    static let tickMilliseconds: UInt64 = 64
    private static let buckets = 1024

    private var heads = [Int32](repeating: -1, count: TimerWheel.buckets)
    /// One bit a bucket that is not empty.
    private var occupied = [UInt64](repeating: 0, count: TimerWheel.buckets / 64)
    private var next: [Int32] = []
    private var previous: [Int32] = []
    /// Tick at which a slot is due; 0 when it is not armed.
    private var due: [UInt32] = []
    /// Everything up to this tick was reported.
    private var tick: UInt32
    private let start: UInt64
    private(set) var armed = 0

    init(nowMilliseconds: UInt64) {
        start = nowMilliseconds
        tick = 1
    }

    /// Makes room for slots `0..<count`.
    mutating func grow(to count: Int) {
        let missing = count - due.count
        guard missing > 0 else { return }
        next.append(contentsOf: repeatElement(-1, count: missing))
        previous.append(contentsOf: repeatElement(-1, count: missing))
        due.append(contentsOf: repeatElement(0, count: missing))
    }

    /// Sets `slot`'s deadline, in place of any earlier one. It is reported up to one tick late,
    /// never early.
    mutating func arm(_ slot: Int, atMilliseconds deadline: UInt64) {
        cancel(slot)
        let wanted = tickOf(deadline, roundingUp: true)
        let at = max(wanted, tick + 1)
        let bucket = Int(at) % TimerWheel.buckets
        due[slot] = at
        next[slot] = heads[bucket]
        previous[slot] = -1
        if heads[bucket] >= 0 { previous[Int(heads[bucket])] = Int32(slot) }
        heads[bucket] = Int32(slot)
        occupied[bucket / 64] |= 1 << UInt64(bucket % 64)
        armed += 1
    }

    mutating func cancel(_ slot: Int) {
        guard due[slot] != 0 else { return }
        let bucket = Int(due[slot]) % TimerWheel.buckets
        if previous[slot] >= 0 {
            next[Int(previous[slot])] = next[slot]
        } else {
            heads[bucket] = next[slot]
            if next[slot] < 0 { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
        }
        if next[slot] >= 0 { previous[Int(next[slot])] = previous[slot] }
        due[slot] = 0
        armed -= 1
    }

    /// The deadline that `slot` is armed for, to the tick; nil when it is not armed.
    func deadline(of slot: Int) -> UInt64? {
        due[slot] == 0 ? nil : millisecondsOf(due[slot])
    }

    /// Takes every slot that is due by `now` out of the wheel and appends it to `expired`.
    mutating func advance(toMilliseconds now: UInt64, expired: inout [Int]) {
        let target = tickOf(now, roundingUp: false)
        guard target > tick else { return }
        // After a long sleep each bucket is looked at once, not once per missed turn of the wheel.
        let steps = min(Int(target - tick), TimerWheel.buckets)
        for step in 1...steps {
            let bucket = (Int(tick) + step) % TimerWheel.buckets
            var slot = heads[bucket]
            while slot >= 0 {
                let following = next[Int(slot)]
                if due[Int(slot)] <= target {
                    cancel(Int(slot))
                    expired.append(Int(slot))
                }
                slot = following
            }
        }
        tick = target
    }

    /// When to look again, milliseconds; nil when nothing is armed. May be early (a deadline of a
    /// later turn of the wheel), never late.
    var nextMilliseconds: UInt64? {
        guard armed > 0 else { return nil }
        for step in 1...TimerWheel.buckets {
            let bucket = (Int(tick) + step) % TimerWheel.buckets
            let word = occupied[bucket / 64]
            if word == 0 { continue }
            if word & (1 << UInt64(bucket % 64)) != 0 { return millisecondsOf(tick + UInt32(step)) }
        }
        return nil
    }

    /// What all of it holds.
    var footprint: Int {
        heapBytes(heads) + heapBytes(occupied) + heapBytes(next) + heapBytes(previous)
            + heapBytes(due)
    }

    private func tickOf(_ milliseconds: UInt64, roundingUp: Bool) -> UInt32 {
        let since = milliseconds > start ? milliseconds - start : 0
        let rounded = roundingUp ? since + TimerWheel.tickMilliseconds - 1 : since
        return UInt32(truncatingIfNeeded: rounded / TimerWheel.tickMilliseconds) + 1
    }

    private func millisecondsOf(_ tick: UInt32) -> UInt64 {
        start + UInt64(tick - 1) * TimerWheel.tickMilliseconds
    }
}
