import Ring
import Synchronization
import Testing

@Suite struct SleepersTests {
    func sleepers(_ sleepers: Sleepers, except: Int = -1) -> [Int] {
        var taken: [Int] = []
        sleepers.forEachSleeper(except: except) { taken.append($0) }
        return taken
    }

    @Test(arguments: [1, 2, 63, 64, 65, 128, 129, 257])
    func `each loop is taken once, in order, at any number of loops`(loops: Int) {
        let set = Sleepers(loops: loops)
        #expect(sleepers(set) == [])
        for loop in 0..<loops { set.announceSleep(loop) }
        #expect(sleepers(set) == Array(0..<loops))
        #expect(sleepers(set) == [])
    }

    @Test(arguments: [0, 63, 64, 255])
    func `the caller's own loop is spared and stays in the set`(own: Int) {
        let set = Sleepers(loops: 256)
        for loop in 0..<256 { set.announceSleep(loop) }
        #expect(sleepers(set, except: own) == (0..<256).filter { $0 != own })
        #expect(sleepers(set, except: own) == [])
        #expect(sleepers(set) == [own])
    }

    @Test func `a loop that is up is not taken`() {
        let set = Sleepers(loops: 3)
        for loop in 0..<3 { set.announceSleep(loop) }
        set.awake(1)
        #expect(sleepers(set) == [0, 2])
    }

    @Test func `one loop can be taken alone, once`() {
        let set = Sleepers(loops: 70)
        set.announceSleep(3)
        set.announceSleep(69)
        #expect(set.take(69))
        #expect(!set.take(69))
        #expect(!set.take(5))
        #expect(sleepers(set) == [3])
    }

    @Test(arguments: [0, 258])
    func `so many loops stop the program`(loops: Int) async {
        await #expect(processExitsWith: .failure) { [loops] in _ = Sleepers(loops: loops) }
    }

    @Test func `a loop that there is not stops the program`() async {
        await #expect(processExitsWith: .failure) { Sleepers(loops: 65).announceSleep(65) }
    }
}
