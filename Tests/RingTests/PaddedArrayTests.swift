import Synchronization
import Testing

@testable import Ring

@Suite struct PaddedArrayTests {
    /// Counts its ends.
    struct Guest: ~Copyable, Sendable {
        let ends: Shared<Int>
        let number: Int
        deinit { ends.update { $0 += 1 } }
    }

    @Test func `each element stands at the start of lines of its own`() {
        let small = PaddedArray(count: 3) { Atomic<UInt64>(UInt64($0)) }
        let big = PaddedArray(count: 3) { _ in InlineArray<17, Atomic<UInt64>> { _ in Atomic(0) } }
        for index in 0..<3 {
            #expect(small[index].pointee.load(ordering: .relaxed) == UInt64(index))
            #expect(UInt(bitPattern: small[index]) % 128 == 0)
            #expect(
                UInt(bitPattern: small[index]) - UInt(bitPattern: small[0]) == 128 * UInt(index))
            #expect(UInt(bitPattern: big[index]) - UInt(bitPattern: big[0]) == 256 * UInt(index))
        }
    }

    @Test func `every element ends once with its array`() {
        let ends = Shared(0)
        do {
            let array = PaddedArray(count: 5) { Guest(ends: ends, number: $0) }
            #expect(array[4].pointee.number == 4)
            #expect(ends.now == 0)
        }
        #expect(ends.now == 5)
    }

    @Test func `an index out of bounds stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let array = PaddedArray(count: 3) { _ in Atomic<UInt64>(0) }
            _ = array[3]
        }
    }
}
