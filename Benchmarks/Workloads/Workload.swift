// A piece of work whose cost is worth knowing, whoever measures it: by the clock, by instructions
// or by allocations.

/// What is done again and again, and what comes between.
package struct Steps {
    /// Comes before each run and is not measured.
    package let prepare: () -> Void
    /// One run. It checks what it brought about: work that was not done has no cost.
    package let run: () -> Void

    init(prepare: @escaping () -> Void = {}, run: @escaping () -> Void) {
        self.prepare = prepare
        self.run = run
    }
}

package struct Workload: Sendable {
    /// `group/what`, in the words of the table of costs.
    package let name: String
    /// What one run has ``count`` of: "delivery".
    package let unit: String
    /// 1 or more.
    package let count: Int
    /// Runs after which what grows has grown: histories are full, arrays have their size.
    package let warmUps: Int
    /// Builds what the runs need.
    package let make: @Sendable () -> Steps

    init(
        _ name: String, per unit: String, _ count: Int = 1, warmUps: Int = 4,
        make: @escaping @Sendable () -> Steps
    ) {
        self.name = name
        self.unit = unit
        self.count = count
        self.warmUps = warmUps
        self.make = make
    }

    package static let all: [Workload] =
        codecs + ring + publishing + fanout + arriving
}
