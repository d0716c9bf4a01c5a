import Ring
import Synchronization
import Testing

@Suite struct SleepersTests {
    func taken(_ sleepers: Sleepers, _ calls: Calls = .all, except: Int = -1) -> [Int] {
        var taken: [Int] = []
        sleepers.take(calls, except: except) { taken.append($0) }
        return taken
    }

    func calls(toRead readers: [Int] = [], toTurn others: [Int] = []) -> Calls {
        var calls = Calls()
        for loop in readers { calls.toRead.insert(loop) }
        for loop in others { calls.toTurn.insert(loop) }
        return calls
    }

    @Test(arguments: [1, 2, 63, 64, 65, 128, 129, 257])
    func `each loop is taken once, in order, at any number of loops`(loops: Int) {
        let set = Sleepers(loops: loops)
        #expect(taken(set) == [])
        for loop in 0..<loops { set.announceSleep(loop) }
        #expect(taken(set) == Array(0..<loops))
        #expect(taken(set) == [])
    }

    @Test(arguments: [0, 63, 64, 255])
    func `the caller's own loop is spared and stays in the set`(own: Int) {
        let set = Sleepers(loops: 256)
        for loop in 0..<256 { set.announceSleep(loop) }
        #expect(taken(set, except: own) == (0..<256).filter { $0 != own })
        #expect(taken(set, except: own) == [])
        #expect(taken(set) == [own])
    }

    @Test func `a loop that is up is not taken`() {
        let set = Sleepers(loops: 3)
        for loop in 0..<3 { set.announceSleep(loop) }
        set.awake(1)
        #expect(taken(set) == [0, 2])
    }

    @Test func `who is not called sleeps on`() {
        let set = Sleepers(loops: 257)
        for loop in 0..<257 { set.announceSleep(loop) }
        #expect(taken(set, Calls()) == [])
        #expect(taken(set, calls(toRead: [3, 64], toTurn: [63, 256])) == [3, 63, 64, 256])
        #expect(taken(set, calls(toRead: [3, 64], toTurn: [63, 256])) == [])
        #expect(taken(set).count == 253)
    }

    @Test func `who leaves messages is called for everything else`() {
        let set = Sleepers(loops: 70)
        set.announceSleep(2)
        set.announceSleep(69, leavesMessages: true)
        #expect(taken(set, calls(toRead: [2, 69])) == [2])
        #expect(taken(set, calls(toTurn: [69])) == [69])
        set.announceSleep(69, leavesMessages: true)
        #expect(taken(set, .all) == [69])
    }

    @Test func `who left messages the last time is called for them the next`() {
        let set = Sleepers(loops: 2)
        set.announceSleep(1, leavesMessages: true)
        set.awake(1)
        set.announceSleep(1)
        #expect(taken(set, calls(toRead: [1])) == [1])
    }

    @Test(arguments: [0, 258])
    func `so many loops stop the program`(loops: Int) async {
        await #expect(processExitsWith: .failure) { [loops] in _ = Sleepers(loops: loops) }
    }

    @Test func `a loop that there is not stops the program`() async {
        await #expect(processExitsWith: .failure) { Sleepers(loops: 65).announceSleep(65) }
    }
}
