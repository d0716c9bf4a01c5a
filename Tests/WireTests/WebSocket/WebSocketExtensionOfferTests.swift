import Testing
import Wire

@Suite struct WebSocketExtensionOfferTests {
    @Test func `an extension list is taken apart as it stands`() {
        let offers = WebSocketExtensionOffer.parse(["a;b=1 ; c=\"d\",e", "f;g"])
        #expect(
            offers == [
                .init(
                    name: "a",
                    parameters: [.init(name: "b", value: "1"), .init(name: "c", value: "d")]),
                .init(name: "e", parameters: []),
                .init(name: "f", parameters: [.init(name: "g", value: nil)]),
            ])
    }

    @Test func `an extension list cut anywhere never stops the program`() {
        let value = "a; b=\"c\\d\", permessage-deflate; server_max_window_bits=\"10\"; x"
        for cut in 0...value.count {
            _ = WebSocketExtensionOffer.parse([String(value.prefix(cut))])
        }
    }

    @Test(arguments: ["", ",", " , ,\t", "a,,b", ", a"])
    func `empty list elements are passed over`(value: String) {
        let names = WebSocketExtensionOffer.parse([value])?.map(\.name)
        #expect(names == value.filter(\.isLetter).map { String($0) })
    }

    @Test(arguments: [
        "a;", "a;;b", "a; b=", "a; b=;c", "a; b=\"c", "a; b=\"\"", "a; b=\"c d\"", "a; b=\"c,d\"",
        "a; b=\"c\\", "a; b=\"c\\\"d\"", "a; b=\"c\"d", "a b", "a; b c", "; a", "a, =", "a=b",
        "a, é", "a; b=é", "a/b", "\"a\"",
    ])
    func `a line that breaks the grammar spoils the list`(value: String) {
        #expect(WebSocketExtensionOffer.parse(["good", value]) == nil)
    }
}
