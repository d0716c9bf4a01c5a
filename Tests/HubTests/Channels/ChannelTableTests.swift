@testable import Hub
import Ring
import Testing

@Suite struct ChannelTableTests {
    private func name(_ number: Int) -> ChannelName {
        ChannelName(Array("channel \(number)".utf8), key: HashKey(3, 4))
    }

    @Test func `an empty table finds nothing`() {
        #expect(ChannelTable().find(name(1)) == -1)
    }

    @Test func `an entry keeps its index while the table grows`() {
        var table = ChannelTable()
        let indexes = (0..<1_000).map { table.insert(name($0)) }
        #expect(Set(indexes).count == 1_000)
        for number in 0..<1_000 {
            #expect(table.find(name(number)) == indexes[number])
            #expect(table[indexes[number]].name == name(number))
        }
        #expect(table.find(name(1_000)) == -1)
    }

    @Test func `a removed entry's place is used again`() {
        var table = ChannelTable()
        let first = table.insert(name(1))
        table.remove(first)
        #expect(!table.isInUse(first))
        #expect(table.find(name(1)) == -1)
        #expect(table.insert(name(2)) == first)
        #expect(table.entries.count == 1)
    }

    @Test func `what a removed channel kept is not the next one's`() {
        var table = ChannelTable()
        let first = table.insert(name(1))
        table[first].history = History(forgotten: 9)
        table[first].groups = [Group(encoding: Encoding(.line))]
        table.remove(first)
        let second = table.insert(name(2))
        #expect(table[second].history == nil)
        #expect(table[second].groups.isEmpty)
        #expect(table[second].memberCount == 0)
    }

    @Test(arguments: [1, 8, 64, 256, 1 << 16])
    func `a followed channel of a bucket is found, however many buckets the table has`(count: Int) {
        var table = ChannelTable()
        // The table has 512 buckets then.
        for number in 0..<300 { _ = table.insert(name(number)) }
        func bucket(_ number: Int) -> Int {
            Int(truncatingIfNeeded: name(number).hash) & (count - 1)
        }
        for number in stride(from: 0, to: 300, by: 7) {
            table[number].memberCount = 1
            for other in 0..<300 {
                #expect(
                    table.isAnyFollowed(bucket: bucket(other), of: count)
                        == (bucket(other) == bucket(number)))
            }
            table[number].memberCount = 0
        }
    }

    @Test(arguments: seeds(20))
    func `any order of adding and removing agrees with a dictionary`(_ seed: UInt64) {
        var random = Random(seed: seed)
        var table = ChannelTable()
        var model: [Int: Int] = [:]
        for _ in 0..<2_000 {
            let number = random.below(300)
            let found = table.find(name(number))
            #expect(found == model[number] ?? -1, "seed \(seed)")
            if found < 0 {
                model[number] = table.insert(name(number))
            } else if random.oneIn(2) {
                table.remove(found)
                model[number] = nil
            }
            #expect(table.count == model.count, "seed \(seed)")
        }
        #expect(Set(model.values).count == model.count, "seed \(seed)")
        let inUse = table.entries.indices.filter { table.isInUse($0) }
        #expect(Set(inUse) == Set(model.values), "seed \(seed)")
        for (number, index) in model { #expect(table.find(name(number)) == index, "seed \(seed)") }
    }
}
