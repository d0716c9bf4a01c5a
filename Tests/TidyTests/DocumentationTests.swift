// Holds the documentation to what it names.

import Foundation
import Testing

@Suite struct DocumentationTests {
    @Test func `every test that the guarantees name exists`() throws {
        let guarantees = try String(
            contentsOf: TidyTests.root.appending(path: "Documentation/guarantees.md"),
            encoding: .utf8)
        let suites = Set(
            try TidyTests.sources(["Tests"]).flatMap { source in
                source.lines.compactMap {
                    $0.split(separator: "struct ").last?.prefix { $0 != " " }
                }
            }.map(String.init))
        let names = guarantees.matches(of: /`([A-Z][A-Za-z]*Tests)`/).map { String($0.1) }
        #expect(names.count > 30)
        for name in names { #expect(suites.contains(name), "there is no suite \(name)") }
        for file in guarantees.matches(of: /`(test_[a-z_]+)`/) {
            let path = TidyTests.root.appending(path: "Tests/Clients/\(file.1).py").path
            #expect(FileManager.default.fileExists(atPath: path), "there is no \(file.1).py")
        }
    }
}
