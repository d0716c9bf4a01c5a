// Reads /proc: what processes used, what memory they and the kernel's sockets hold.

import Glibc

enum Proc {
    /// A file's text; nil when it cannot be read.
    static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(file, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The number behind `key` in a file of lines like `Pss:  12 kB`.
    static func number(_ key: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            let words = line.dropFirst(key.count).split { $0 == " " || $0 == "\t" }
            return words.first.flatMap { Int($0) }
        }
        return nil
    }

    static func entries(_ path: String) -> [Int32] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var found: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name) { found.append(number) }
        }
        return found
    }

    /// `processes` and their children, and theirs.
    static func withDescendants(_ processes: [Int32]) -> [Int32] {
        guard !processes.isEmpty else { return [] }
        var children: [Int32: [Int32]] = [:]
        for process in entries("/proc") {
            guard let fields = statFields(process) else { continue }
            children[Int32(fields[1]) ?? 0, default: []].append(process)
        }
        var all = Set(processes)
        var open = processes
        while let process = open.popLast() {
            for child in children[process] ?? [] where all.insert(child).inserted {
                open.append(child)
            }
        }
        return all.sorted()
    }

    /// The fields of /proc/PID/stat behind the name, which may hold spaces: 0 is the state.
    static func statFields(_ process: Int32) -> [Substring]? {
        guard let text = text("/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: name)...].split(separator: " ")
        return fields.count > 20 ? fields : nil
    }

    /// Bytes of user memory, each shared page counted in parts.
    static func proportionalBytes(_ processes: [Int32]) -> Int {
        withDescendants(processes).reduce(0) { sum, process in
            let text = text("/proc/\(process)/smaps_rollup") ?? ""
            return sum + (number("Pss:", in: text) ?? 0) * 1024
        }
    }

    /// Bytes of the kernel's TCP buffers, of all processes.
    static func socketBufferBytes() -> Int {
        guard let text = text("/proc/net/sockstat"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("TCP:") })
        else { return 0 }
        let words = line.split(separator: " ")
        guard let key = words.firstIndex(of: "mem"), key + 1 < words.count else { return 0 }
        return (Int(words[key + 1]) ?? 0) * 4096
    }

    /// Bytes of the kernel's own objects, sockets among them, of all processes.
    static func slabBytes() -> Int {
        (number("Slab:", in: text("/proc/meminfo") ?? "") ?? 0) * 1024
    }
}

/// Processor time and context switches, summed over processes and their children.
struct ProcessUsage: Equatable {
    /// Microseconds.
    var user = 0.0
    var system = 0.0
    var voluntarySwitches = 0
    var involuntarySwitches = 0

    static func of(_ processes: [Int32]) -> ProcessUsage {
        let tick = 1e6 / Double(sysconf(Int32(_SC_CLK_TCK)))
        var sum = ProcessUsage()
        for process in Proc.withDescendants(processes) {
            guard let fields = Proc.statFields(process) else { continue }
            sum.user += (Double(fields[11]) ?? 0) * tick
            sum.system += (Double(fields[12]) ?? 0) * tick
            for thread in Proc.entries("/proc/\(process)/task") {
                let text = Proc.text("/proc/\(process)/task/\(thread)/status") ?? ""
                sum.voluntarySwitches += Proc.number("voluntary_ctxt_switches:", in: text) ?? 0
                sum.involuntarySwitches += Proc.number("nonvoluntary_ctxt_switches:", in: text) ?? 0
            }
        }
        return sum
    }
}
