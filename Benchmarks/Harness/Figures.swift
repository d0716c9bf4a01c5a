// What a measurement found, in the one form of all programs here: printed for people, written as
// JSON for `Benchmarks/bench`.

private import FoundationEssentials
private import Glibc

package struct Figure: Encodable {
    package let name: String
    package let unit: String
    package let value: Double
}

extension [Figure] {
    /// Adds nothing when the value is no number: there was nothing to divide by.
    package mutating func add(_ name: String, _ value: Double, _ unit: String) {
        guard value.isFinite else { return }
        append(Figure(name: name, unit: unit, value: value))
    }

    /// A line each, in columns.
    package func print() {
        let width = lazy.map(\.name.count).max() ?? 0
        for figure in self {
            let space = String(repeating: " ", count: width - figure.name.count)
            Swift.print("  \(figure.name)\(space)  \(rounded(figure.value)) \(figure.unit)")
        }
    }
}

/// Three digits or more.
package func rounded(_ value: Double) -> String {
    let decimals = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled.isFinite, scaled < 1e15 else { return "–" }
    let whole = Int(scaled) / Int(scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(whole)" }
    let part = String(Int(scaled) % Int(scale))
    return "\(sign)\(whole).\(String(repeating: "0", count: decimals - part.count))\(part)"
}

/// The file and why it could not be written.
package struct FileError: Error, CustomStringConvertible {
    package let description: String
}

/// Writes `value` into the file at `path`, in place of what is there.
package func writeJSON(_ value: some Encodable, to path: String) throws(FileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    guard let data = try? encoder.encode(value), let file = fopen(path, "w") else {
        throw FileError(description: "\(path): \(String(cString: strerror(errno)))")
    }
    let bytes = Array(data) + [0x0a]
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count else {
        throw FileError(description: "\(path): \(String(cString: strerror(errno)))")
    }
}
