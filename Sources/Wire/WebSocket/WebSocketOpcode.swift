// What a WebSocket frame is, by its four opcode bits.

/// The opcodes RFC 6455 §5.2 defines; 3–7 and 11–15 are reserved and have no case.
package enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// RFC 6455 §5.5: opcodes with the highest bit set; at most 125 bytes, never fragmented.
    package var isControl: Bool { rawValue & 0x8 != 0 }
}
