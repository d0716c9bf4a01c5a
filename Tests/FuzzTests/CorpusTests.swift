// Every input that the fuzzer found worth keeping, through the same functions: whole, and cut off.

import Foundation
import Fuzzing
import Testing

@Suite struct CorpusTests {
    static let corpus = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fuzz/Corpus")

    static func inputs(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = corpus.appending(path: name)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
            ($0, [UInt8](try Data(contentsOf: folder.appending(path: $0))))
        }
    }

    @Test(arguments: fuzzTargets.map(\.name))
    func `every input of the corpus, and its beginnings, hold`(_ name: String) throws {
        let target = try #require(fuzzTargets.first { $0.name == name })
        let inputs = try Self.inputs(name)
        #expect(inputs.count >= 3, "a corpus of \(inputs.count)")
        for (file, bytes) in inputs {
            #expect(bytes.count <= 4_096, "\(file)")
            // Of a long one some beginnings will do.
            let step = 1 + bytes.count / 24
            for end in Array(stride(from: 0, to: bytes.count, by: step)) + [bytes.count] {
                let fault = target.fault(Array(bytes[..<end]))
                #expect(fault == nil, "\(file), \(end) bytes")
            }
        }
    }
}
