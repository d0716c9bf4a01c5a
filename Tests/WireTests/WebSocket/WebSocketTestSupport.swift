// What the WebSocket tests share: frames made byte by byte, and pieces fed to a decoder.

import Bytes
import Wire

/// All that a decoder said about some bytes.
struct WebSocketOutcome: Equatable {
    var events: [WebSocketDecoder.Event] = []
    var error: WebSocketError?
}

struct WebSocketSettings {
    var role = WebSocketDecoder.Role.server
    var limit = 1 << 20
    var compression = false

    func decoder() -> WebSocketDecoder {
        WebSocketDecoder(role: role, messageBytesMax: limit, compression: compression)
    }

    /// Feeds one read after the other.
    func decode(_ pieces: [[UInt8]]) -> WebSocketOutcome {
        var decoder = decoder()
        var outcome = WebSocketOutcome()
        for piece in pieces {
            var offset = 0
            do throws(WebSocketError) {
                while let event = try decoder.next(piece.span, from: &offset) {
                    outcome.events.append(event)
                }
            } catch {
                outcome.error = error
                return outcome
            }
        }
        return outcome
    }

    /// Feeds the bytes cut in two at every place, and byte by byte.
    ///
    /// - Returns: the cuts whose outcome was not the one of the bytes in one piece; -1 for the
    ///   last.
    func cutsThatDiffer(_ bytes: [UInt8]) -> [Int] {
        let whole = decode([bytes])
        var different = bytes.indices.filter { cut in
            decode([Array(bytes[..<cut]), Array(bytes[cut...])]) != whole
        }
        if decode(bytes.map { [$0] }) != whole { different.append(-1) }
        return different
    }
}

/// A frame as RFC 6455 §5.2 draws it, written without the encoder under test.
struct WebSocketTestFrame {
    var first: UInt8
    var payload: [UInt8]
    /// nil: not masked.
    var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
    /// 1, 3 or 9 bytes; nil: the shortest that fits.
    var lengthBytes: Int?

    var bytes: [UInt8] {
        let count = payload.count
        let mask: UInt8 = key == nil ? 0 : 0x80
        var bytes = [first]
        switch lengthBytes ?? (count < 126 ? 1 : count < 65536 ? 3 : 9) {
        case 1: bytes.append(mask | UInt8(count))
        case 3: bytes += [mask | 126, UInt8(count >> 8), UInt8(count & 0xFF)]
        default:
            bytes.append(mask | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
        }
        guard let key else { return bytes + payload }
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }
}

func text(_ string: String, final: Bool = true) -> [UInt8] {
    WebSocketTestFrame(first: final ? 0x81 : 0x01, payload: Array(string.utf8)).bytes
}

func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
    WebSocketTestFrame(first: first, payload: payload).bytes
}

/// Numbers that follow from their seed (SplitMix64), so that a failure can be had again.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
