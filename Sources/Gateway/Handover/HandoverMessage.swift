// What two gateways say to each other when one follows the other. Pure: bytes and values.
//
//     successor    carillon-handover 1
//     predecessor  socket plain ours 127.0.0.1:8080      with the descriptor; one for each
//     predecessor  end 2
//     successor    serving                               it accepts connections
//     predecessor  draining                              it no longer does
//
// Until `serving`, either may hang up, and nothing has changed.

/// One packet.
enum HandoverMessage: Equatable {
    /// The first word of the conversation, with the version of its rules.
    case hello(version: Int)
    /// One listening socket, whose descriptor comes with the packet.
    case socket(isTLS: Bool, ownsFile: Bool, asked: String)
    /// That was all, so many.
    case end(count: Int)
    case serving
    case draining

    static let version = 1
    /// Sockets in one conversation: more than 256 loops times a few addresses need not be possible.
    static let socketsMax = 4096

    var bytes: [UInt8] { Array(text.utf8) }

    private var text: String {
        switch self {
        case .hello(let version): "carillon-handover \(version)"
        case .socket(let isTLS, let ownsFile, let asked):
            "socket \(isTLS ? "tls" : "plain") \(ownsFile ? "ours" : "others") \(asked)"
        case .end(let count): "end \(count)"
        case .serving: "serving"
        case .draining: "draining"
        }
    }

    /// Nil for anything that is no message.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let words = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        switch (words.first, words.count) {
        case ("carillon-handover", 2):
            guard let version = HandoverMessage.number(words[1]) else { return nil }
            self = .hello(version: version)
        case ("socket", 4):
            guard words[1] == "tls" || words[1] == "plain", !words[3].isEmpty,
                words[2] == "ours" || words[2] == "others"
            else { return nil }
            self = .socket(
                isTLS: words[1] == "tls", ownsFile: words[2] == "ours", asked: String(words[3]))
        case ("end", 2):
            guard let count = HandoverMessage.number(words[1]) else { return nil }
            self = .end(count: count)
        case ("serving", 1): self = .serving
        case ("draining", 1): self = .draining
        default: return nil
        }
    }

    /// A number as it is written above: digits, at most ``socketsMax``.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text), number <= socketsMax
        else { return nil }
        return number
    }
}
