// One who publishes over HTTP on one loop, and holds each answer against what the ring took.

@testable import Hub
import Wire

final class Publisher {
    let world: World
    let loop: Int
    private var client: Client?
    /// Answers not read yet, in order; within each, the ids of its messages, nil for one refused.
    private var expected: [(isBatch: Bool, ids: [String?])] = []
    private(set) var faults: [String] = []

    init(_ world: World, loop: Int) {
        self.world = world
        self.loop = loop
    }

    /// The open connection; nil when the loop takes no more.
    func connected() -> Client? {
        if let client, !client.isClosed, !client.isEnded, !client.hasHeldInput { return client }
        expected = []
        client = world.tryConnect(loop: loop)
        client?.inputBytesPerTurn = nil
        return client
    }

    func expect(isBatch: Bool, _ ids: [String?]) { expected.append((isBatch, ids)) }

    /// Reads the answers that have come.
    func collect() {
        while let client, let answer = client.answer(to: .post) {
            guard !expected.isEmpty else { return fault("an answer to nothing: \(answer.text)") }
            let (isBatch, ids) = expected.removeFirst()
            if isBatch { check(answer, ids) } else { check(answer, ids[0]) }
        }
    }

    /// Everything has come to rest: each publish was answered.
    func rest() {
        collect()
        guard let client, !client.isClosed, !client.isEnded else { return }
        if !expected.isEmpty { fault("\(expected.count) publishes were not answered") }
    }

    private func check(_ answer: Answer, _ id: String?) {
        let told = answer.json["id"] as? String
        let isRight =
            id == nil
            ? answer.status == 503 && answer.head.first("Retry-After") != nil
            : answer.status == 200 && told == id
        if !isRight { fault("published \(id ?? "nothing"), told \(answer.status) \(answer.text)") }
    }

    private func check(_ answer: Answer, _ ids: [String?]) {
        let told = answer.body.split(separator: 0x0A).map { object(Array($0))["id"] as? String }
        if answer.status != 200 || told != ids {
            fault("published \(ids), told \(answer.status) \(answer.text)")
        }
    }

    private func fault(_ text: String) { faults.append("publisher on loop \(loop): \(text)") }
}
