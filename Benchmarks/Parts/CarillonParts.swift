// Parts of the gateway by themselves, in one process and without sockets.
//
// What it is not: a claim about a server. The kernel's sockets, the rim's table and the writes come
// to it; `carillon-bench` measures those.

import ArgumentParser
import Harness

@main
struct CarillonParts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carillon-parts",
        abstract: "Measures parts of the gateway in one process, without sockets.",
        subcommands: [HubCrowd.self, RingRace.self])
}

struct PartReport: Encodable {
    let measurement: String
    /// In words.
    let load: String
    var figures: [Figure] = []

    mutating func add(_ name: String, _ value: Double, _ unit: String) {
        figures.add(name, value, unit)
    }

    /// Prints it, and writes it to the file, if there is one.
    func finish(_ json: String?) throws {
        print("\(measurement): \(load)")
        figures.print()
        if let json { try writeJSON(self, to: json) }
    }
}
