// The scatter list for one write: pointers into the turn's logs, good until the turn is cleared.

internal import Bytes
internal import Hub
internal import Loops

/// A reusable list of byte stretches. One per worker.
final class WriteVectors {
    /// More than this many runs are written with more than one call. Runs of one log that follow
    /// each other are one run already, so this many are rare.
    static let countMax = 64

    private let storage: UnsafeMutablePointer<IOVector>
    private(set) var count = 0
    /// Where each log's bytes are, by encoding.
    private let bases: UnsafeMutablePointer<UnsafeRawPointer?>

    init() {
        storage = .allocate(capacity: WriteVectors.countMax)
        bases = .allocate(capacity: TurnOutput.logCount)
        bases.initialize(repeating: nil, count: TurnOutput.logCount)
    }

    deinit {
        storage.deallocate()
        bases.deallocate()
    }

    /// Looks up where the turn's logs are. They stay in place: nothing is appended before the turn
    /// is cleared.
    func prepare(_ turn: borrowing TurnOutput) {
        for index in 0..<TurnOutput.logCount {
            bases[index] = turn.logs[index].map { UnsafeRawPointer($0.base) }
        }
    }

    /// The bytes of a run.
    @inline(__always)
    func bytes(of run: Run) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: bases[Int(run.log)]! + Int(run.start), count: Int(run.end - run.start))
    }

    var filled: UnsafeBufferPointer<IOVector> { UnsafeBufferPointer(start: storage, count: count) }

    /// Takes up to ``countMax`` runs of a chain.
    ///
    /// - Parameter next: the run to begin with; afterwards the first one left, −1 for none.
    /// - Returns: the bytes in all.
    func fill(from next: inout Int32, _ turn: borrowing TurnOutput) -> Int {
        var total = 0
        count = 0
        while next >= 0, count < WriteVectors.countMax {
            let run = turn.runs[Int(next)]
            let bytes = bytes(of: run)
            (storage + count).initialize(to: IOVector(bytes))
            count += 1
            total += bytes.count
            next = run.next
        }
        return total
    }

    /// Takes one piece.
    ///
    /// - Returns: its bytes.
    func fill(with bytes: UnsafeRawBufferPointer) -> Int {
        storage.initialize(to: IOVector(bytes))
        count = 1
        return bytes.count
    }

    /// Appends what follows the first `offset` bytes to `target`.
    func copy(from offset: Int, to target: ByteBuffer) {
        var skip = offset
        for vector in filled {
            let dropped = min(skip, vector.count)
            skip -= dropped
            let rest = UnsafeRawBufferPointer(start: vector.start, count: vector.count)
            target.append(
                copying: UnsafeRawBufferPointer(rebasing: rest[dropped...])
                    .assumingMemoryBound(to: UInt8.self))
        }
    }
}
