import Glibc
import Testing

@testable import Loops

@Suite struct LoopTests {
    @Test func `200 connections come and go, and the loop closes`() throws {
        try withLoop { loop, recorder in
            let port = try listen(loop)
            for _ in 0..<2 {
                let before = recorder.accepted
                let clients = try (0..<100).map { _ in try Client.tcp(port) }
                recorder.turn { recorder.accepted == before + 100 }
                recorder.closeAll()
                #expect(loop.streamCount == 0)
                withExtendedLifetime(clients) {}
            }
        }
    }

    @Test func `a loop closes with everything but streams still open`() throws {
        let loop = try Loop()
        let recorder = Recorder(loop)
        let port = try listen(loop)
        let clients = try (0..<200).map { _ in try Client.tcp(port) }
        recorder.turn { recorder.accepted == 200 }
        recorder.closeAll()
        #expect(loop.streamCount == 0)
        loop.arm(timerAtMilliseconds: loop.now + 1000)
        loop.wakeUp.send()
        try SignalWatcher(loop, number: 28)
        loop.close()
        #expect(recorder.ends.isEmpty)
        #expect(recorder.wakeUps == 0)
        withExtendedLifetime(clients) {}
    }

    @Test func `a loop gives its descriptors back`() async {
        // In a process of its own: another test's descriptors would be counted.
        await #expect(processExitsWith: .success) {
            func lowestFree() -> Int32 {
                let free = dup(0)
                Glibc.close(free)
                return free
            }
            // libuv keeps one pipe for the process.
            try Loop().close()
            let before = lowestFree()
            let loops: Int32 = 50
            for _ in 0..<loops { try Loop().close() }
            // Swift's own threads may open some meanwhile; one lost by each loop would be more.
            #expect(lowestFree() < before + loops)
        }
    }

    @Test func `a loop closed before its streams is a programmer's error`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try Loop()
            let recorder = Recorder(loop)
            let client = try Client.tcp(try listen(loop))
            recorder.turn { recorder.accepted == 1 }
            loop.close()
            withExtendedLifetime(client) {}
        }
    }

    @Test func `an idle turn without blocking does nothing`() throws {
        try withLoop { loop, recorder in
            for _ in 0..<10 { loop.turn(block: false) }
            #expect(recorder.wakeUps + recorder.timersFired + recorder.accepted == 0)
        }
    }

    @Test func `the timer fires once, not before its time`() throws {
        try withLoop { loop, recorder in
            let deadline = loop.now + 5
            loop.arm(timerAtMilliseconds: deadline)
            for _ in 0..<100 where recorder.timersFired == 0 {
                loop.turn(block: true)
                #expect(recorder.timersFired == 0 || loop.now >= deadline)
            }
            #expect(recorder.timersFired == 1)
            for _ in 0..<4 { loop.turn(block: false) }
            #expect(recorder.timersFired == 1)
        }
    }

    @Test func `a deadline in the past fires in the next turn`() throws {
        try withLoop { loop, recorder in
            loop.arm(timerAtMilliseconds: 0)
            #expect(recorder.timersFired == 0)
            loop.turn(block: false)
            #expect(recorder.timersFired == 1)
        }
    }

    @Test func `a deadline that has passed before the turn ends the turn`() async {
        // In a process of its own: where the turn does not end, the alarm ends the process.
        await #expect(processExitsWith: .success) {
            alarm(60)
            try withLoop { loop, recorder in
                // `now` stands still between turns, as it does while a handler works.
                let armed = loop.now
                loop.arm(timerAtMilliseconds: armed + 1)
                repeat { loop.updateTime() } while loop.now < armed + 3
                loop.turn(block: true)
                #expect(recorder.timersFired == 1)
            }
        }
    }

    @Test func `a cleared deadline does not fire, a moved one does`() throws {
        try withLoop { loop, recorder in
            loop.arm(timerAtMilliseconds: 0)
            loop.arm(timerAtMilliseconds: nil)
            loop.turn(block: false)
            #expect(recorder.timersFired == 0)
            loop.arm(timerAtMilliseconds: loop.now + 60_000)
            loop.arm(timerAtMilliseconds: loop.now + 1)
            loop.turn(block: true)
            #expect(recorder.timersFired == 1)
        }
    }

    @Test func `a timer that arms itself for the past ends its turn nevertheless`() throws {
        try withLoop { loop, recorder in
            recorder.onTimer = { loop.arm(timerAtMilliseconds: 0) }
            loop.arm(timerAtMilliseconds: 0)
            loop.turn(block: false)
            let once = recorder.timersFired
            #expect(once >= 1)
            loop.turn(block: true)
            #expect(recorder.timersFired > once)
        }
    }

    @Test func `a loop belongs to the thread that made or adopted it`() throws {
        let loop = try Loop()
        #expect(loop.isCurrent)
        nonisolated(unsafe) let shared = loop
        nonisolated(unsafe) var seen: [Bool] = []
        try LoopThread.start(name: "other") {
            seen.append(shared.isCurrent)
            shared.adopt()
            seen.append(shared.isCurrent)
        }.join()
        #expect(seen == [false, true])
        #expect(!loop.isCurrent)
        loop.adopt()
        loop.close()
    }

    @Test func `a loop dropped without close is a programmer's error`() async {
        await #expect(processExitsWith: .failure) { _ = try Loop() }
    }

    @Test func `a loop is not closed twice`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try Loop()
            loop.close()
            loop.close()
        }
    }
}
