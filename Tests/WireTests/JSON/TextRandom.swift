// Random texts for the tests of the text codecs, the same for the same seed.

/// SplitMix64.
struct TextRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Bytes of every value.
    mutating func bytes(count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    /// Text with controls, quotes, backslashes, line breaks and scalars of one to four bytes.
    mutating func text(scalars count: Int) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<count {
            let value: UInt32 =
                switch Int.random(in: 0..<8, using: &self) {
                case 0: .random(in: 0..<0x20, using: &self)
                case 1: 0x22
                case 2: 0x5C
                case 3: .random(in: 0x80..<0x800, using: &self)
                case 4: .random(in: 0xE000..<0x10000, using: &self)
                case 5: .random(in: 0x10000..<0x110000, using: &self)
                default: .random(in: 0x20..<0x7F, using: &self)
                }
            text.append(Unicode.Scalar(value)!)
        }
        return String(text)
    }

    /// A JSON value, at most `depth` deep.
    mutating func json(depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: return "null"
        case 1: return Bool.random(using: &self) ? "true" : "false"
        case 2: return number()
        case 3...5: return string()
        case 6:
            let items = (0..<Int.random(in: 0..<4, using: &self)).map { _ in
                space() + json(depth: depth - 1) + space()
            }
            return "[" + (items.isEmpty ? space() : items.joined(separator: ",")) + "]"
        default:
            let members = (0..<Int.random(in: 0..<4, using: &self)).map { index in
                "\(space())\"k\(index)\"\(space()):\(space())\(json(depth: depth - 1))\(space())"
            }
            return "{" + (members.isEmpty ? space() : members.joined(separator: ",")) + "}"
        }
    }

    private mutating func space() -> String {
        ["", "", " ", "\n", "\r\n\t"].randomElement(using: &self)!
    }

    private mutating func number() -> String {
        let sign = Bool.random(using: &self) ? "-" : ""
        let whole = UInt32.random(in: 0..<1000, using: &self)
        let fraction =
            Bool.random(using: &self) ? ".\(UInt8.random(in: 0...255, using: &self))" : ""
        let exponent = ["", "", "e2", "E-3", "e+1"].randomElement(using: &self)!
        return "\(sign)\(whole)\(fraction)\(exponent)"
    }

    private mutating func string() -> String {
        let pieces = [
            "a", "hello world", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\uD83D\\uDE00",
            "\\u0000",
            "é", "😀", "\u{2028}", "{", "]", ",", ":", "'",
        ]
        let chosen = (0..<Int.random(in: 0..<6, using: &self)).map { _ in
            pieces.randomElement(using: &self)!
        }
        return "\"" + chosen.joined() + "\""
    }
}
