// Messages in lines: `data:` lines of an event stream (WHATWG HTML §9.2), and JSON objects, one a
// line. Knows just what these benchmarks publish: one line a message, no escapes.

import CLinux
import Glibc

enum EventStreamLines {
    @inline(__always)
    static func next(in bytes: UnsafeRawBufferPointer, at start: Int) -> Unit? {
        guard let line = lineEnd(bytes, start) else { return nil }
        var from = start
        // "data:" and one optional space.
        guard line.end - start > 5, bytes[start] == 0x64, bytes[start + 1] == 0x61,
            bytes[start + 2] == 0x74, bytes[start + 3] == 0x61, bytes[start + 4] == 0x3a
        else { return Unit(kind: .other, payload: .init(start: nil, count: 0), end: line.next) }
        from += bytes[start + 5] == 0x20 ? 6 : 5
        let payload = UnsafeRawBufferPointer(rebasing: bytes[from..<max(from, line.end)])
        return Unit(kind: .message, payload: payload, end: line.next)
    }
}

enum JSONLines {
    private static let key = StaticString("\"data\":\"")

    /// The value of the first `"data"`, which must be a string without escapes.
    @inline(__always)
    static func next(in bytes: UnsafeRawBufferPointer, at start: Int) -> Unit? {
        guard let line = lineEnd(bytes, start) else { return nil }
        let object = UnsafeRawBufferPointer(rebasing: bytes[start..<line.end])
        guard let from = value(in: object, at: 0),
            let quote = memchr(object.baseAddress! + from, 0x22, object.count - from)
        else { return Unit(kind: .other, payload: .init(start: nil, count: 0), end: line.next) }
        let count = UnsafeRawPointer(quote) - (object.baseAddress! + from)
        let payload = UnsafeRawBufferPointer(start: object.baseAddress! + from, count: count)
        return Unit(kind: .message, payload: payload, end: line.next)
    }

    /// Where the string begins that is the next value of `"data"` at or after `start`.
    @inline(__always)
    static func value(in object: UnsafeRawBufferPointer, at start: Int) -> Int? {
        guard object.count > start, let base = object.baseAddress,
            let found = memmem(
                base + start, object.count - start, key.utf8Start, key.utf8CodeUnitCount)
        else { return nil }
        return UnsafeRawPointer(found) - base + key.utf8CodeUnitCount
    }
}

/// Where the line from `start` ends, without CR and LF, and where the next one begins.
@inline(__always)
func lineEnd(
    _ bytes: UnsafeRawBufferPointer, _ start: Int
) -> (end: Int, next: Int)? {
    guard bytes.count > start, let base = bytes.baseAddress,
        let found = memchr(base + start, 0x0a, bytes.count - start)
    else { return nil }
    let feed = UnsafeRawPointer(found) - base
    let end = feed > start && bytes[feed - 1] == 0x0d ? feed - 1 : feed
    return (end, feed + 1)
}
