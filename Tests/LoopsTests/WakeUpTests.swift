import Glibc
import Synchronization
import Testing

@testable import Loops

@Suite struct WakeUpTests {
    @Test func `a sleeping loop wakes and sees what another thread wrote before`() throws {
        try withLoop { loop, recorder in
            let rounds = 1000
            let written = Atomic(0)
            let seen = Atomic(0)
            let wakeUp = loop.wakeUp
            let sender = try LoopThread.start(name: "sender") {
                for round in 1...rounds {
                    written.store(round, ordering: .relaxed)
                    wakeUp.send()
                    // Every other round waits until the loop has noticed, and likely sleeps.
                    while round % 2 == 0, seen.load(ordering: .relaxed) < round { sched_yield() }
                }
            }
            recorder.turn(atMost: rounds + 1) {
                let last = written.load(ordering: .relaxed)
                if recorder.wakeUps > 0 { seen.store(last, ordering: .relaxed) }
                return last == rounds && recorder.wakeUps > 0
            }
            sender.join()
            // No send is lost: the last round was seen after a wake-up.
            #expect(recorder.wakeUps <= rounds)
            #expect(recorder.timersFired == 0)
        }
    }

    @Test func `many sends make one event`() throws {
        try withLoop { loop, recorder in
            for _ in 0..<100 { loop.wakeUp.send() }
            loop.turn(block: true)
            loop.turn(block: false)
            #expect(recorder.wakeUps == 1)
            loop.wakeUp.send()
            loop.turn(block: true)
            #expect(recorder.wakeUps == 2)
        }
    }

    @Test func `sending while and after the loop closes is harmless`() throws {
        for _ in 0..<50 {
            let loop = try Loop()
            let wakeUp = loop.wakeUp
            let isRunning = Atomic(false)
            let isDone = Atomic(false)
            let sender = try LoopThread.start(name: "sender") {
                while !isDone.load(ordering: .relaxed) {
                    wakeUp.send()
                    isRunning.store(true, ordering: .relaxed)
                }
            }
            while !isRunning.load(ordering: .relaxed) { loop.turn(block: true) }
            loop.close()
            wakeUp.send()
            isDone.store(true, ordering: .relaxed)
            sender.join()
            wakeUp.send()
        }
    }
}
