// What this process holds, as the kernel and the allocator see it.

private import CLinux
private import Glibc

struct Memory {
    /// Proportional set size: pages that are really there, bytes.
    let resident: Int
    /// Handed out by malloc, bytes.
    let heap: Int

    static func now() -> Memory {
        let heap = mallinfo2()
        return Memory(resident: proportionalSetSize(), heap: heap.uordblks + heap.hblkhd)
    }

    private static func proportionalSetSize() -> Int {
        guard let file = fopen("/proc/self/smaps_rollup", "r") else {
            fatalError("no /proc/self/smaps_rollup")
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, CInt(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8($0) }, as: UTF8.self)
            guard text.hasPrefix("Pss:") else { continue }
            let words = text.split(separator: " ")
            guard words.count > 1, let kibibytes = Int(words[1]) else { break }
            return kibibytes << 10
        }
        fatalError("no Pss in /proc/self/smaps_rollup")
    }
}

/// CPU time of this thread, seconds.
func cpuSeconds() -> Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

/// Seconds of the monotonic clock.
func wallSeconds() -> Double { seconds(CLOCK_MONOTONIC) }

private func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
