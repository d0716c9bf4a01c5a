import Glibc
import Testing

@testable import Loops

@Suite struct SignalWatcherTests {
    @Test func `a signal becomes an event until its watcher is closed`() throws {
        try withLoop { loop, recorder in
            // One that is ignored unless somebody watches.
            let watcher = try SignalWatcher(loop, number: SIGURG)
            kill(getpid(), SIGURG)
            recorder.turn { recorder.signals == [SIGURG] }
            watcher.close()
            watcher.close()
            kill(getpid(), SIGURG)
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.signals == [SIGURG])
        }
    }

    @Test(arguments: [SIGKILL, 0, 1000])
    func `a signal that cannot be watched is refused`(number: Int32) throws {
        try withLoop { loop, _ in
            #expect(throws: LoopError.signalNotWatched(number: number, code: -EINVAL)) {
                try SignalWatcher(loop, number: number)
            }
        }
    }
}
