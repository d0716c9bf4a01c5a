@testable import Hub
import Ring
import Testing

@Suite struct ConnectionNamesTests {
    private let names = ConnectionNames(hashKey: HashKey(1, 2))

    @Test func `a name gives back its peer`() {
        for peer in [
            Peer(loop: 0, slot: 0, generation: 1), Peer(loop: 255, slot: 7, generation: 9),
            Peer(loop: 3, slot: Peer.slotsMax - 1, generation: Peer.generationMax),
        ] {
            let name = names.name(of: peer)
            #expect(name.count == 32)
            let found = names.peer(named: name.span)
            #expect(found == peer)
        }
    }

    @Test func `neighbours have names that do not resemble each other`() {
        let one = names.name(of: Peer(loop: 0, slot: 1, generation: 1))
        let other = names.name(of: Peer(loop: 0, slot: 2, generation: 1))
        let same = zip(one, other).filter { $0 == $1 }.count
        #expect(same < 12)
    }

    @Test func `a name with any digit changed is nobody's`() {
        let name = names.name(of: Peer(loop: 1, slot: 2, generation: 3))
        for index in name.indices {
            var other = name
            other[index] = name[index] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            let found = names.peer(named: other.span)
            #expect(found == Peer(raw: 0), "digit \(index)")
        }
    }

    @Test func `a name of another process is nobody's`() {
        let foreign = ConnectionNames(hashKey: HashKey(1, 3))
        let name = foreign.name(of: Peer(loop: 1, slot: 2, generation: 3))
        let found = names.peer(named: name.span)
        #expect(found == Peer(raw: 0))
    }

    @Test(arguments: [
        "", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef", "0123456789abcdeg0123456789abcdef",
        "0123456789abcdef0123456789abcde ",
    ])
    func `what is not 32 lowercase digits can't be a name`(_ text: String) {
        let found = names.peer(named: text.utf8.span)
        #expect(found == nil)
    }
}
