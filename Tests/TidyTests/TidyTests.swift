// Reads the sources and holds what the compiler does not: who may import what, where unsafe code
// may stand, how long a file may be.

import Foundation
import Testing

@Suite struct TidyTests {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// C libraries, and the modules that may speak to them.
    static let homes: [String: Set<String>] = [
        "CLibuv": ["Loops"],
        "COpenSSL": ["TLS", "Signatures", "Load", "TLSTests"],
        "CZlib": ["Deflate"],
        "CSQLite": ["Store", "StoreTests"],
        "CLinux": ["Load", "Parts"],
        "CCounting": ["Costs"],
        "CFuzzer": ["Fuzz"],
    ]

    /// Modules on a message's way: Foundation's start-up and its types cost too much there.
    static let withoutFoundation: Set<String> = [
        "Bytes", "Wire", "Ring", "Loops", "TLS", "Signatures", "Deflate", "Store", "Hub", "Gateway",
    ]

    /// Where unsafe code may stand: what lays out memory, and the rims that speak to C. In `Wire`
    /// and `Hub` the compiler holds that there is none at all.
    static let unsafeHomes = [
        "Bytes/", "Ring/", "Loops/", "TLS/", "Signatures/", "Deflate/", "Store/", "Gateway/Rim/",
        "Client/Connection.swift", "Client/Socket.swift", "Client/StandardStreams.swift",
    ]

    struct Source {
        let path: String
        let module: String
        let lines: [Substring]
    }

    static func sources(_ folders: [String]) throws -> [Source] {
        var found: [Source] = []
        for folder in folders {
            let base = root.appending(path: folder)
            guard let walk = FileManager.default.enumerator(atPath: base.path) else { continue }
            for case let name as String in walk where name.hasSuffix(".swift") {
                let text = try String(contentsOf: base.appending(path: name), encoding: .utf8)
                found.append(
                    Source(
                        path: "\(folder)/\(name)",
                        module: String(name.prefix { $0 != "/" }),
                        lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
            }
        }
        try #require(found.count > 50, "the sources were not found below \(root.path)")
        return found
    }

    static func imported(by line: Substring) -> Substring? {
        let words = line.split(separator: " ")
        guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
            words[..<at].allSatisfy({
                [
                    "private", "fileprivate", "internal", "package", "public", "@_exported",
                    "@testable",
                ].contains($0)
            })
        else { return nil }
        return words[at + 1]
    }

    @Test func `a C library is imported in its home only`() throws {
        for source in try Self.sources(["Sources", "Tests", "Benchmarks"]) {
            for line in source.lines {
                guard let module = Self.imported(by: line), let home = Self.homes[String(module)]
                else { continue }
                #expect(home.contains(source.module), "\(source.path) imports \(module)")
            }
        }
    }

    @Test func `no module on a message's way imports Foundation`() throws {
        for source in try Self.sources(["Sources"])
        where Self.withoutFoundation.contains(source.module) {
            for line in source.lines {
                let module = Self.imported(by: line) ?? ""
                #expect(!module.hasPrefix("Foundation"), "\(source.path) imports \(module)")
            }
        }
    }

    @Test func `unsafe code stands in its homes only`() throws {
        let unsafe = /Unsafe\w*Pointer|@unchecked|\(unchecked\)|\(unsafe\)|unsafe\w*Cast|Unmanaged</
        var used: Set<String> = []
        for source in try Self.sources(["Sources"]) {
            let home = Self.unsafeHomes.first { source.path.hasPrefix("Sources/\($0)") }
            for line in source.lines where line.contains(unsafe) {
                #expect(home != nil, "\(source.path): \(line)")
                if let home { used.insert(home) }
            }
        }
        #expect(used == Set(Self.unsafeHomes), "a home without unsafe code is none")
    }

    @Test func `nothing is built with checks removed`() throws {
        let manifest = try String(
            contentsOf: Self.root.appending(path: "Package.swift"), encoding: .utf8)
        #expect(!manifest.contains("Ounchecked"))
        #expect(!manifest.contains("unsafeFlags"))
    }

    @Test func `every limit is named on the page of limits, and no other`() throws {
        let page = try String(
            contentsOf: Self.root.appending(path: "Documentation/limits.md"), encoding: .utf8)
        let limits = try String(
            contentsOf: Self.root.appending(path: "Sources/Hub/Model/Limits.swift"),
            encoding: .utf8
        ).matches(of: /package var (\w+) *[:=]/).map { String($0.1) }
        try #require(limits.count > 40, "\(limits.count) limits were found")
        for limit in limits { #expect(page.contains("`\(limit)`"), "\(limit) is not named") }
        for name in page.matches(of: /`([a-z]+[A-Z]\w+)`/).map({ String($0.1) }) {
            #expect(limits.contains(name), "there is no limit \(name)")
        }
    }

    /// Every flag that the page of limits names is one of the program's.
    @Test func `the flags on the page of limits exist`() throws {
        let page = try String(
            contentsOf: Self.root.appending(path: "Documentation/limits.md"), encoding: .utf8)
        let program = try Self.sources(["Sources"]).filter { $0.module == "carillon" }
            .flatMap(\.lines).joined(separator: "\n")
        let flags = Set(page.matches(of: /--([a-z][a-z-]+)/).map { String($0.1) })
        try #require(flags.count > 8)
        for flag in flags { #expect(program.contains("\"\(flag)\""), "there is no --\(flag)") }
    }

    /// Lines are the formatter's business: `make lint`.
    @Test func `a file has at most 450 lines`() throws {
        for source in try Self.sources(["Sources", "Tests", "Benchmarks", "Examples"]) {
            #expect(source.lines.count <= 451, "\(source.path) has \(source.lines.count) lines")
        }
    }
}
