import Glibc
import Testing

@testable import Gateway

@Suite struct ServiceEnvironmentTests {
    private func sockets(_ variables: [String: String]) -> [ServiceEnvironment.Socket] {
        ServiceEnvironment(variables, processID: 7).sockets
    }

    @Test func `sockets come in order, with their names, and tls by name`() {
        let found = sockets(["LISTEN_PID": "7", "LISTEN_FDS": "4", "LISTEN_FDNAMES": "web:tls::"])
        #expect(found.map(\.descriptor) == [3, 4, 5, 6])
        #expect(found.map(\.name) == ["web", "tls", "", ""])
        #expect(found.map(\.isTLS) == [false, true, false, false])
        let named = sockets([
            "LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "tls-a:nottls",
        ])
        #expect(named.map(\.isTLS) == [true, false])
    }

    @Test func `without names, or with too few, the others have none`() {
        #expect(sockets(["LISTEN_PID": "7", "LISTEN_FDS": "2"]).map(\.name) == ["", ""])
        let few = sockets(["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a"])
        #expect(few.map(\.name) == ["a", ""])
    }

    @Test(arguments: [
        [:], ["LISTEN_FDS": "1"], ["LISTEN_PID": "8", "LISTEN_FDS": "1"], ["LISTEN_PID": "7"],
        ["LISTEN_PID": "7", "LISTEN_FDS": "0"], ["LISTEN_PID": "7", "LISTEN_FDS": "-1"],
        ["LISTEN_PID": "7", "LISTEN_FDS": "x"], ["LISTEN_PID": "7", "LISTEN_FDS": "1025"],
    ])
    func `sockets for another process, or a number that is none, are no sockets`(
        _ variables: [String: String]
    ) {
        #expect(sockets(variables).isEmpty)
    }

    @Test func `1024 sockets are possible`() {
        #expect(sockets(["LISTEN_PID": "7", "LISTEN_FDS": "1024"]).count == 1024)
    }

    @Test(arguments: [
        (["WATCHDOG_USEC": "30000000"], 30_000), (["WATCHDOG_USEC": "1000"], 1),
        (["WATCHDOG_USEC": "999"], nil), (["WATCHDOG_USEC": "x"], nil), ([:], nil),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"], 30_000),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"], nil),
    ])
    func `the watchdog's time is this process's`(_ variables: [String: String], _ expected: Int?) {
        let environment = ServiceEnvironment(variables, processID: 7)
        #expect(environment.watchdogMilliseconds == expected)
    }

    @Test func `what was read is gone from the environment`() async {
        await #expect(processExitsWith: .success) {
            for name in ServiceEnvironment.names { setenv(name, "1", 1) }
            let environment = ServiceEnvironment.take()
            guard environment.notifyTarget == "1" else { exit(1) }
            for name in ServiceEnvironment.names where getenv(name) != nil { exit(2) }
            exit(0)
        }
    }
}

@Suite struct WatchdogTests {
    @Test func `a loop that has not turned since the last look is named, until it turns again`() {
        var watchdog = Watchdog([5, 5, 0])
        #expect(watchdog.stalled([6, 7, 1]).isEmpty)
        #expect(watchdog.stalled([6, 8, 2]) == [0])
        #expect(watchdog.stalled([6, 8, 3]) == [0, 1])
        #expect(watchdog.stalled([7, 9, 4]).isEmpty)
    }
}
