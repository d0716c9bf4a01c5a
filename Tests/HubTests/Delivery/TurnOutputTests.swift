import Bytes
@testable import Hub
import Testing

@Suite struct TurnOutputTests {
    private let line = Encoding(.line)
    private let element = Encoding(.element)

    /// What `slot` is owed, in order.
    private func owed(_ output: borrowing TurnOutput, _ slot: Int) -> String {
        var bytes: [UInt8] = []
        for entry in output.dirty where entry.slot == UInt32(slot) {
            var next = entry.firstRun
            while next >= 0 {
                let run = output.runs[Int(next)]
                output.logs[Int(run.log)]!.withSpan(Int(run.start)..<Int(run.end)) {
                    append($0, to: &bytes)
                }
                next = run.next
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func owe(
        _ output: inout TurnOutput, _ slots: [Int], _ encoding: Encoding, _ text: String
    ) {
        let log = output.log(encoding)
        let start = log.count
        log.append(utf8: text)
        for slot in slots { output.owe(slot, encoding, start, log.count) }
    }

    @Test func `stretches that follow each other in one log are one run`() {
        var output = TurnOutput()
        output.grow(to: 2)
        for text in ["a", "b", "c"] { owe(&output, [0, 1], line, text) }
        #expect(owed(output, 0) == "abc" && owed(output, 1) == "abc")
        #expect(output.runs.count == 2 && output.dirty.count == 2)
    }

    @Test func `stretches of several logs, or with something between, keep their order`() {
        var output = TurnOutput()
        output.grow(to: 2)
        owe(&output, [0, 1], line, "a")
        owe(&output, [1], line, "b")
        owe(&output, [0], .direct, "c")
        owe(&output, [0, 1], line, "d")
        #expect(owed(output, 0) == "acd")
        #expect(owed(output, 1) == "abd")
        #expect(output.owes(0) && output.owes(1))
        #expect(output.bytes(from: output.dirty[0].firstRun) == 3)
    }

    @Test func `a wrapped chain loses its first byte and stands between head and tail`() {
        for runs in 1...3 {
            var output = TurnOutput()
            output.grow(to: 2)
            for number in 0..<runs {
                owe(&output, [0, 1], element, ",\(number)")
                owe(&output, [1], element, "-")
                owe(&output, [], element, "x")
            }
            let log = output.log(.direct)
            log.append("head[")
            log.append("]")
            output.wrap(dirtyIndex: 0, log: .direct, head: 0..<5, tail: 5..<6)
            let middle = (0..<runs).map { "\($0)" }.joined(separator: ",")
            #expect(owed(output, 0) == "head[\(middle)]")
            #expect(owed(output, 1) == (0..<runs).map { ",\($0)-" }.joined())
            owe(&output, [0], .direct, "next")
            #expect(owed(output, 0) == "head[\(middle)]next")
        }
    }

    @Test func `cleared, it owes nothing and the logs begin anew`() {
        var output = TurnOutput()
        output.grow(to: 1)
        owe(&output, [0], line, "abc")
        output.order(.close(Peer(loop: 0, slot: 0, generation: 1)))
        #expect(!output.isEmpty)
        let log = ObjectIdentifier(output.log(line))
        output.clear()
        #expect(output.isEmpty && output.runs.isEmpty && !output.owes(0))
        #expect(ObjectIdentifier(output.log(line)) == log)
        #expect(output.log(line).isEmpty)
        owe(&output, [0], line, "d")
        #expect(owed(output, 0) == "d")
    }

    @Test func `a log that somebody keeps is left to them`() {
        var output = TurnOutput()
        output.grow(to: 1)
        owe(&output, [0], line, "abc")
        let kept = output.log(line)
        output.clear()
        owe(&output, [0], line, "d")
        #expect(kept.array() == Array("abc".utf8))
        #expect(owed(output, 0) == "d")
    }

    @Test func `each encoding has a log of its own`() {
        var indexes: Set<UInt8> = []
        let forms: [Encoding.Form] = [
            .rawFrame, .envelopeFrame, .event, .envelopeEvent, .line, .element, .direct,
        ]
        for form in forms {
            for windowBits in [0] + Array(9...15) {
                let encoding = Encoding(form, windowBits: windowBits)
                #expect(indexes.insert(encoding.index).inserted)
                #expect(encoding.form == form && encoding.windowBits == windowBits)
                #expect(Int(encoding.index) < Encoding.count)
            }
        }
        #expect(indexes.count == Encoding.count)
    }
}
