// The generator's other processes: forked before there is a second thread, each with a pipe on
// which it leaves what it found.

import CLinux
import Glibc

struct Siblings: ~Copyable {
    private struct Sibling {
        let id: Int32
        let pipe: Int32
    }

    private var all: [Sibling] = []
    private let parent = getpid()

    /// Forks `count` processes. What `body` answers in one of them is what it leaves.
    ///
    /// - Parameter body: gets the process's number, 1...count; this one is number 0.
    init(_ count: Int, _ body: (Int) -> [UInt8]) throws(Failure) {
        for number in 0..<count {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw Failure("pipe: \(errorText())") }
            let id = linux_fork()
            guard id >= 0 else { throw Failure("fork: \(errorText())") }
            guard id == 0 else {
                close(ends[1])
                all.append(Sibling(id: id, pipe: ends[0]))
                continue
            }
            _ = linux_endWithParent()
            // The parent may have ended before that was said.
            guard getppid() == parent else { _exit(1) }
            Self.leave(body(number + 1), on: ends[1])
            _exit(0)
        }
    }

    deinit {
        // A sibling has this value, too, and the processes that were forked before it in it.
        guard getpid() == parent else { return }
        for sibling in all {
            kill(sibling.id, SIGKILL)
            waitpid(sibling.id, nil, 0)
            close(sibling.pipe)
        }
    }

    var ids: [Int32] { all.map(\.id) }

    /// Waits for all to end.
    ///
    /// - Returns: what each left.
    /// - Throws: when one ended otherwise than by having left something.
    mutating func join() throws(Failure) -> [[UInt8]] {
        var left: [[UInt8]] = []
        var failed: Int32?
        for sibling in all {
            left.append(Self.readAll(sibling.pipe))
            close(sibling.pipe)
            var status: Int32 = 0
            waitpid(sibling.id, &status, 0)
            if status != 0 { failed = sibling.id }
        }
        all = []
        if let failed { throw Failure("process \(failed) of the generator ended by itself") }
        return left
    }

    private static func leave(_ bytes: [UInt8], on pipe: Int32) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(pipe, $0.baseAddress! + written, bytes.count - written)
            }
            guard count > 0 || errno == EINTR else { _exit(1) }
            written += max(0, count)
        }
    }

    private static func readAll(_ pipe: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(pipe, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }
}
