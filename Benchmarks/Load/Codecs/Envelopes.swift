// Carillon's JSON objects around messages: `carillon.v1`, lines, event streams of several channels.
// Knows just what these benchmarks publish and name: strings without escapes.
//
//     {"channel":"bench-7","id":"k3f9a2bd-1207","time":1700000000000,"data":"cb…"}

import CLinux
import Glibc

enum Envelopes {
    private static let opening = StaticString("{\"channel\":\"")
    private static let idKey = StaticString("\"id\":\"")

    /// What one whole object is.
    ///
    /// - Parameter end: where the next unit begins.
    static func read(_ object: UnsafeRawBufferPointer, end: Int) -> Unit {
        if starts(object, with: opening) { return message(object, end: end) }
        let kind: Unit.Kind =
            starts(object, with: "{\"ok\":")
            ? .done
            : starts(object, with: "{\"gap\":")
                ? .gap : starts(object, with: "{\"error\":") ? .refusal : .other
        return Unit(kind: kind, payload: object, end: end)
    }

    /// The next message in a list of objects at or after `start`; nil when there is none.
    static func next(in list: UnsafeRawBufferPointer, at start: Int) -> Unit? {
        guard start < list.count, let base = list.baseAddress,
            let found = memmem(
                base + start, list.count - start, opening.utf8Start, opening.utf8CodeUnitCount)
        else { return nil }
        let from = UnsafeRawPointer(found) - base
        let object = UnsafeRawBufferPointer(rebasing: list[from...])
        let unit = message(object, end: 0)
        // Where the payload ends, or else behind what was found.
        let end = unit.payload.baseAddress.map { $0 + unit.payload.count - base }
        return Unit(
            kind: unit.kind, payload: unit.payload, end: end ?? from + opening.utf8CodeUnitCount,
            channel: unit.channel, id: unit.id)
    }

    /// A message without a string for data has an empty payload, which nobody published.
    private static func message(_ object: UnsafeRawBufferPointer, end: Int) -> Unit {
        let channel = string(in: object, from: opening.utf8CodeUnitCount)
        let rest = opening.utf8CodeUnitCount + channel.count
        let id = find(idKey, in: object, from: rest).map { string(in: object, from: $0) }
        let data = JSONLines.value(in: object, at: rest).map { string(in: object, from: $0) }
        return Unit(
            kind: .message, payload: data ?? Unit.nothing, end: end, channel: channel,
            id: id ?? Unit.nothing)
    }

    /// The bytes from `start` to the next quotation mark; nothing when there is none.
    private static func string(
        in object: UnsafeRawBufferPointer, from start: Int
    ) -> UnsafeRawBufferPointer {
        guard start < object.count, let base = object.baseAddress,
            let quote = memchr(base + start, 0x22, object.count - start)
        else { return Unit.nothing }
        let count = UnsafeRawPointer(quote) - (base + start)
        return UnsafeRawBufferPointer(start: base + start, count: count)
    }

    private static func find(
        _ key: StaticString, in object: UnsafeRawBufferPointer, from start: Int
    ) -> Int? {
        guard start < object.count, let base = object.baseAddress,
            let found = memmem(
                base + start, object.count - start, key.utf8Start, key.utf8CodeUnitCount)
        else { return nil }
        return UnsafeRawPointer(found) - base + key.utf8CodeUnitCount
    }

    private static func starts(
        _ object: UnsafeRawBufferPointer, with text: StaticString
    ) -> Bool {
        guard object.count >= text.utf8CodeUnitCount, let base = object.baseAddress else {
            return false
        }
        return memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
    }
}

/// One object a line.
enum EnvelopeLines {
    @inline(__always)
    static func next(in bytes: UnsafeRawBufferPointer, at start: Int) -> Unit? {
        guard let line = lineEnd(bytes, start) else { return nil }
        let object = UnsafeRawBufferPointer(rebasing: bytes[start..<line.end])
        return Envelopes.read(object, end: line.next)
    }
}
