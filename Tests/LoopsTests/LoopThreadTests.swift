import Glibc
import Testing

@testable import Loops

@Suite struct LoopThreadTests {
    @Test(arguments: [
        ("loop-1", "loop-1"), ("exactly-fifteen", "exactly-fifteen"),
        ("this-is-sixteen!", "this-is-sixteen"),
    ])
    func `a thread runs its body under its name`(name: String, shown: String) throws {
        nonisolated(unsafe) var seen = ""
        try LoopThread.start(name: name) {
            var buffer = [CChar](repeating: 0, count: 32)
            let file = open("/proc/thread-self/comm", O_RDONLY)
            read(file, &buffer, buffer.count - 1)
            close(file)
            seen = String(text(buffer).dropLast())
        }.join()
        #expect(seen == shown)
    }

    @Test func `a thread's body may own what its starter gave away`() throws {
        let loop = try Loop()
        let wakeUp = loop.wakeUp
        let thread = try LoopThread.start(name: "loop") {
            loop.adopt()
            loop.turn(block: true)
            loop.close()
        }
        wakeUp.send()
        thread.join()
    }

    @Test func `a stack too small to be becomes the system's own`() throws {
        try LoopThread.start(name: "small", stackBytes: 1) {}.join()
    }

    @Test func `joining twice is a programmer's error`() async {
        await #expect(processExitsWith: .failure) {
            let thread = try LoopThread.start(name: "once") {}
            thread.join()
            thread.join()
        }
    }
}
