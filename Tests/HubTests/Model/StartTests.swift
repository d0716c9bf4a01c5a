@testable import Hub
import Testing
import Wire

@Suite struct StartTests {
    private func start(_ id: String, published: UInt64 = 10) -> Start {
        Start(id: Array(id.utf8), epoch: Epoch(Array("life".utf8).span)!, published: published)
    }

    @Test func `an id given in this life is a place, up to the last one given`() {
        #expect(start("life-0") == .after(0))
        #expect(start("life-10") == .after(10))
        #expect(start("life-11") == .unknown)
    }

    @Test func `first is the oldest message`() {
        #expect(start("first") == .first)
        #expect(start("First") == .unknown)
    }

    @Test(arguments: [
        "", "x", "life", "life-", "life-x", "-1", "other-1", "life-01", "life-99999999999999999999",
    ])
    func `everything else is unknown`(_ id: String) {
        #expect(start(id) == .unknown)
    }
}
