// Runs each workload some times, and says what it allocated; under callgrind, lets that say how
// many instructions it took. `scripts/costs` runs it and compares.

import CCounting
import Workloads

/// What is counted.
private let runs = 10

private func measure(_ workload: Workload) {
    let steps = workload.make()
    for _ in 0..<workload.warmUps {
        steps.prepare()
        steps.run()
    }
    var (allocations, bytes): (UInt64, UInt64) = (0, 0)
    for _ in 0..<runs {
        steps.prepare()
        let (allocationsBefore, bytesBefore) = (carillon_allocations(), carillon_allocated_bytes())
        carillon_toggle_instructions()
        steps.run()
        carillon_toggle_instructions()
        allocations += carillon_allocations() - allocationsBefore
        bytes += carillon_allocated_bytes() - bytesBefore
    }
    carillon_write_instructions(workload.name)
    print(workload.name, workload.unit, workload.count, runs, allocations, bytes)
}

@inline(never)
private func made(_ count: Int) -> [Int] { Array(repeating: count, count: count) }

/// A counter that counts nothing would find nothing wrong.
private func checkCounter() {
    // The runtime makes the type's metadata with the first.
    guard !made(1).isEmpty else { return }
    let before = carillon_allocations()
    let array = made(Int(before % 100) + 1)
    let counted = carillon_allocations() - before
    guard counted == 1, !array.isEmpty else { fatalError("\(counted) allocations of one array") }
}

checkCounter()
private let words = CommandLine.arguments.dropFirst()
for workload in Workload.all
where words.isEmpty || words.contains(where: { workload.name.contains($0) }) {
    measure(workload)
}
